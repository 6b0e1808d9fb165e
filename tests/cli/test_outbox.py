"""``balancer outbox``: what could not be told is listed without naming a study, and told again."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from balancer.cli import app
from balancer.domain.letter import Letter
from balancer.store import journal, outbox
from balancer.store.database import Database
from tests.networks import loaded
from tests.worlds import NOW


def test_what_was_given_up_is_listed_and_put_back_once(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be put back is refused, with what stands against it."""
    monkeypatch.delenv("BALANCER_HOST", raising=False)
    url = str(loaded(sqlite_db).engine.url)
    with sqlite_db.transaction() as session:
        outbox.move_cursor(session, "hl7 RIS", journal.mark(session), NOW)
        outbox.write(session, "hl7 RIS", [Letter(key="1", subject="1", what="assigned", body={}, trust="RVV")], NOW)
        outbox.give_up(session, 1, "rejected (AR)", NOW)
        outbox.note_failing(session, "hl7 RIS", "no connection can be made", NOW)
    listed = CliRunner().invoke(app, ["outbox", "list", "--database", url])
    first, second = listed.output.splitlines()
    assert first.startswith("hl7 RIS  0 waiting  1 dead  failing since ")
    assert second.startswith("1  hl7 RIS  assigned  ")
    assert second.endswith("rejected (AR)")
    done = CliRunner().invoke(app, ["outbox", "put-back", "1", "--database", url])
    assert (done.exit_code, done.output) == (0, "letter 1 will be sent again\n")
    refused = CliRunner().invoke(app, ["outbox", "put-back", "1", "--database", url])
    assert (refused.exit_code, "nothing was written" in refused.output) == (2, True)
