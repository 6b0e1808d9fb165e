"""The few pages for people: what this is, what the API can do, what its problems mean; nothing from elsewhere."""
