"""The Kent sample, drawn once for every test that looks at it."""

from __future__ import annotations

from pathlib import Path

from balancer.simulate.kent.sample import draw_sample

KENT = Path(__file__).parents[1] / "data" / "kent"
SAMPLE = draw_sample()
