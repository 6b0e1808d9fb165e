"""Domain values -> the wire, and back. Pure."""
