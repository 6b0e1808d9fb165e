"""Synthetic networks: random instances for measuring, and the Kent sample."""
