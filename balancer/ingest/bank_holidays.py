"""The bank holidays of England and Wales, proclaimed ones included, as the ``holidays`` package knows them."""

from __future__ import annotations

from functools import lru_cache

import holidays

from balancer.domain.working_days import WorkingCalendar

# The Bank Holidays Act 1871 made the first ones; the package, like everyone, guesses beyond what is proclaimed.
_FIRST_YEAR = 1871
_LAST_YEAR = 2999


@lru_cache(maxsize=32)
def england_and_wales(first_year: int, last_year: int) -> WorkingCalendar:
    """Return the working-days calendar of England and Wales from ``first_year`` to ``last_year``, both included.

    Substitute days count (a Christmas Day on a Saturday is kept on the Monday or Tuesday after), and so do the days
    proclaimed once, such as the state funeral on 2022-09-19. The two nations' bank holidays are the same.
    """
    years = range(max(first_year, _FIRST_YEAR), min(last_year, _LAST_YEAR) + 1)
    days = holidays.country_holidays("GB", subdiv="ENG", years=years)
    return WorkingCalendar(bank_holidays=frozenset(days))
