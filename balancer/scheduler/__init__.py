"""When things run: APScheduler jobs of three lines that call a service."""
