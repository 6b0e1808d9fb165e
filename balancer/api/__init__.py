"""Machines: the FastAPI routes, and the one table that turns errors into problem+json."""
