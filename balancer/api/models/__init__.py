"""What the API says: one model a shape on the wire, built from store rows and never a row itself."""
