"""Outlets: everything that opens connections outwards, to tell others what has happened to reads (ADR 0022)."""
