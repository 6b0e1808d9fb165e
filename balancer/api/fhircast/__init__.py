"""A small FHIRcast hub (STU3) for sites that have none: sessions of reporters, each followed by their systems."""
