"""SQLModel tables, the mapping to the domain, every query, and the Alembic migrations. SQL is written here alone."""
