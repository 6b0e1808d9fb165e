"""FHIRcast (STU3) on the wire: events, what they say of a report, and what a read looks like in one. Pure."""
