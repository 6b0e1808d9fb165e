"""Who keeps the service in tests, at its own command line."""

from __future__ import annotations

from balancer.domain.actor import person

OPERATOR = person("terminal:ops", "ops")
