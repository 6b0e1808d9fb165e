"""Bytes from trusts -> domain values; one file a format. Pure: nothing here stores or fetches."""
