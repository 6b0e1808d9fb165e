"""Balancer in reporters' FHIRcast sessions: their screens follow what they open here, and we what they open there."""
