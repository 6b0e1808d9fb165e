"""Reads as FHIR R4 resources, and back: pure mapping, no server."""
