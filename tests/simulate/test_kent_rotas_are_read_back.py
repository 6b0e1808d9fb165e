"""What ingest reads from the sample's rotas are the sessions they were written from, and every mistake is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from balancer.domain.reporter import Session
from balancer.domain.roster import ParsedRoster
from balancer.ingest.network_folder import read_network
from balancer.ingest.reasons import Reason
from balancer.ingest.rota import parse_rota
from balancer.simulate.kent.problem import problem_of
from tests.kent_sample import KENT, SAMPLE

NETWORK = read_network(KENT)
ROTAS = {rota.trust: rota for rota in SAMPLE.rotas}
PARSED: dict[str, ParsedRoster] = {
    roster.trust: parse_rota(
        ROTAS[roster.trust].content, roster, NETWORK, file_name=Path(ROTAS[roster.trust].path).name
    )
    for roster in NETWORK.rosters
}
HOMES = {person.reporter_id: person.home_trust for person in SAMPLE.reporters}
REASONS = {
    "unknown reporter": Reason.UNKNOWN_REPORTER,
    "no reporter": Reason.MISSING_VALUE,
    "unknown activity": Reason.UNKNOWN_ACTIVITY,
    "day that does not exist": Reason.UNREADABLE_DATE,
    "unreadable time": Reason.UNREADABLE_DATE,
    "ends before it starts": Reason.ENDS_BEFORE_START,
    "overlaps another session of the same reporter": Reason.OVERLAPPING_SESSION,
}


def by_id(session: Session) -> str:
    """Return the key to sort by."""
    return session.session_id


@pytest.mark.parametrize("trust", sorted(PARSED))
def test_sessions_are_what_the_week_leaves_for_reporting(trust: str) -> None:
    """Meetings, lists and leave cut out, the list and the grid alike; on call for emergencies only."""
    truth = [session for session in problem_of(SAMPLE).sessions if HOMES[session.reporter_id] == trust]
    assert PARSED[trust].problem == ""
    assert PARSED[trust].rows_read == ROTAS[trust].rows_read
    assert sorted(PARSED[trust].sessions, key=by_id) == sorted(truth, key=by_id)


@pytest.mark.parametrize("trust", sorted(PARSED))
def test_every_wrong_line_is_found_for_what_it_is_and_no_other(trust: str) -> None:
    """By line and reason."""
    found = {quarantined.row.line: quarantined.reason for quarantined in PARSED[trust].quarantined}
    assert found == {planted.line: REASONS[planted.kind] for planted in ROTAS[trust].planted}


def test_people_sit_at_home_or_at_the_hospital() -> None:
    """As the rota says."""
    places = {place for parsed in PARSED.values() for place in parsed.locations.values()}
    assert places == {"site", "home"}
