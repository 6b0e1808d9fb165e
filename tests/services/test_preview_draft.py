"""What a draft would do is shown before it is published: the plan in force, mended, against the same without it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from balancer.domain.errors import ConflictError
from balancer.domain.run_changes import MoveReason
from balancer.domain.states import RunKind, RunState
from balancer.domain.study import StudyKey
from balancer.scheduler.solving import DONE, NOT_PUBLISHED, preview_all
from balancer.services import preview_draft
from balancer.services.begin_draft import begin_draft
from balancer.services.expedite_study import expedite_study
from balancer.services.ingest_studies import ingest_extract
from balancer.services.mend_worklists import Mending
from balancer.services.override_roster import mark_absent
from balancer.services.override_scope import Decision
from balancer.services.preview_draft import preview_next
from balancer.services.publish_draft import publish_draft
from balancer.services.request_preview import request_preview
from balancer.services.request_run import request_run
from balancer.services.run_allocation import run_allocation
from balancer.services.steer_read import Said, exclude_read, pin_read
from balancer.store import previews, run_records, runs, worklists
from balancer.store.database import Database
from balancer.store.pages import Cut
from balancer.store.tables import RunRow
from balancer.store.tables_drafts import PreviewRow
from balancer.store.tables_life import ReadRow
from tests.api.service import StandingClock
from tests.networks import Feed, extract, incoming, minutes, queued, read_id, rostered, solving
from tests.services.test_drafts import MANAGER, WHY
from tests.worlds import NOW, session

STUDIES = tuple(incoming(number, minutes=60.0) for number in ("A1", "A2", "A3", "B1"))


def morning(db: Database) -> tuple[int, Said]:
    """Put three hours on R1's list, one on R2's, of four each; begin a draft."""
    queued(db, *STUDIES)
    rostered(db, session("S1", "R1"), session("S2", "R2"))
    assert run_allocation(db, NOW, solver=solving({"S1": ["A1", "A2", "A3"], "S2": ["B1"]})).error == ""
    number = begin_draft(db, "Tuesday", "RVV", minutes(1), by=MANAGER)
    return number, Said(reason=WHY, draft_id=number)


def previewed(db: Database, draft_id: int, at: float = 0) -> tuple[RunRow, PreviewRow]:
    """Ask for a preview and make it."""
    asked = request_preview(db, draft_id, minutes(at), by=MANAGER)
    assert preview_next(db, minutes(at)) == asked
    with db.session() as reading:
        found = previews.newest(reading, draft_id)
    assert found is not None
    assert (found[0].kind, found[0].error) == (RunKind.PREVIEW, "")
    return found


def moves(db: Database, run_id: int | None) -> dict[str, tuple[str | None, str | None, MoveReason]]:
    """Return whom a run moves: who had it, who gets it, and why, by accession number."""
    with db.session() as reading:
        found = run_records.moves(reading, run_id or 0, Cut()).items
    return {item.study.accession_number: (item.move.was, item.move.becomes, item.move.reason) for item in found}


def planned(db: Database, run_id: int | None) -> dict[str, tuple[float, float, float]]:
    """Return everybody's minutes: what is planned without the draft, what with it, and what there is."""
    with db.session() as reading:
        rows = previews.loads(reading, run_id or 0)
    return {row.reporter_id: (row.planned_before, row.planned_after, row.available_after) for row in rows}


def lists(db: Database) -> dict[str, tuple[int, list[str]]]:
    """Return everybody's current list: its version, and its accession numbers in order."""
    with db.session() as reading:
        found = {}
        for summary in worklists.worklists(reading):
            current = worklists.worklist(reading, summary.reporter_id)
            found[summary.reporter_id] = (current.version.version, [e.study.accession_number for e in current.items])
        return found


def test_a_preview_shows_whom_a_draft_moves_and_everybodys_load(db: Database) -> None:
    """A1 would go to R2, A3 leave the queue: R1 two hours less, R2 one more, of four; nothing is published."""
    number, said = morning(db)
    pin_read(db, read_id(db, "A1"), "R2", NOW, by=MANAGER, said=said)
    exclude_read(db, read_id(db, "A3"), NOW, by=MANAGER, said=said, approver="Dr A")
    before = lists(db)
    run, found = previewed(db, number)
    assert run.state is RunState.PREVIEWED
    assert moves(db, run.id) == {
        "A1": ("R1", "R2", MoveReason.NOT_OFFERED),
        "A3": ("R1", None, MoveReason.TAKEN_OUT),
    }
    assert planned(db, run.id) == {"R1": (180.0, 60.0, 240.0), "R2": (60.0, 120.0, 240.0)}
    assert len(found.instructions) == 2
    assert lists(db) == before
    with db.session() as reading:
        assert runs.requested(reading) is None
        current = runs.current_run(reading)
    assert current is not None
    assert current.id != run.id


def test_a_preview_shows_what_publishing_then_does(db: Database) -> None:
    """The same reads with the same people, once the lists are mended."""
    number, said = morning(db)
    mending = Mending(db)
    assert mending.look(NOW) is None
    pin_read(db, read_id(db, "A2"), "R2", NOW, by=MANAGER, said=said)
    run, _ = previewed(db, number)
    shown = moves(db, run.id)
    assert mending.look(NOW) is None
    publish_draft(db, number, NOW, by=MANAGER, why="as it was shown")
    assert mending.look(NOW) is not None
    assert {name: becomes for name, (_, becomes, _) in shown.items()} == {"A2": "R2"}
    assert [(name, sorted(numbers)) for name, (_, numbers) in sorted(lists(db).items())] == [
        ("R1", ["A1", "A3"]),
        ("R2", ["A2", "B1"]),
    ]


def test_late_studies_are_counted_without_the_draft_and_with_it(db: Database) -> None:
    """A3 is the third hour of R1, and asked for sooner: late as it stands, in time if the draft moves it."""
    number, said = morning(db)
    expedite_study(db, StudyKey("RVV", "A3"), minutes(150), NOW, by=MANAGER, said=Said(reason=WHY))
    expedite_study(db, StudyKey("RVV", "A3"), minutes(140), NOW, by=MANAGER, said=said)
    run, found = previewed(db, number)
    assert found.late_before is not None
    assert run.late is not None
    assert (sum(found.late_before.values()), sum(run.late.values())) == (1, 0)


def test_an_illness_is_previewed_with_where_the_reads_would_go(db: Database) -> None:
    """R1 would be away: their three hours go to R2, whose four are then full."""
    number, _ = morning(db)
    said = Decision(trust="RVV", reason=WHY, draft_id=number)
    mark_absent(db, "R1", NOW, minutes(300), NOW, by=MANAGER, said=said)
    run, _ = previewed(db, number)
    assert moves(db, run.id) == dict.fromkeys(("A1", "A2", "A3"), ("R1", "R2", MoveReason.NOT_ROSTERED))
    assert planned(db, run.id) == {"R1": (180.0, 0.0, 0.0), "R2": (60.0, 240.0, 240.0)}


def test_an_emergency_that_has_come_is_in_both(db: Database) -> None:
    """What would be mended anyway is no effect of the draft."""
    number, said = morning(db)
    exclude_read(db, read_id(db, "A3"), NOW, by=MANAGER, said=said, approver="Dr A")
    burning = replace(incoming("E1", priority="emergency", acquired_at=NOW), minutes=60.0)
    ingest_extract(db, Feed(), extract(*STUDIES, burning, at=1), minutes(1))
    run, _ = previewed(db, number, at=1)
    assert moves(db, run.id) == {"A3": ("R1", None, MoveReason.TAKEN_OUT)}
    before, after = zip(*[(before, after) for before, after, _ in planned(db, run.id).values()], strict=True)
    assert (sum(before), sum(after)) == (300.0, 240.0)


def test_a_preview_answers_no_request_for_a_run(db: Database) -> None:
    """And a run none for a preview: each waits in a line of its own."""
    number, said = morning(db)
    pin_read(db, read_id(db, "A1"), "R2", NOW, by=MANAGER, said=said)
    preview = request_preview(db, number, NOW, by=MANAGER)
    assert request_preview(db, number, minutes(1), by=MANAGER) == preview
    with db.session() as reading:
        assert runs.requested(reading) is None
    run = request_run(db, NOW, reason="it was time")
    assert run != preview
    assert run_allocation(db, NOW, solver=solving({"S1": ["A1", "A2", "A3"], "S2": ["B1"]})).run_id == run
    with db.session() as reading:
        assert runs.run(reading, preview).state is RunState.REQUESTED
    assert preview_next(db, NOW) == preview
    assert preview_next(db, NOW) is None


def test_what_a_died_preview_was_asked_for_says_so(db: Database) -> None:
    """Whoever makes the next one finds it under way with nobody behind it."""
    number, said = morning(db)
    pin_read(db, read_id(db, "A1"), "R2", NOW, by=MANAGER, said=said)
    asked = request_preview(db, number, NOW, by=MANAGER)
    with db.transaction() as writing:
        assert previews.begin(writing, NOW) == (asked, number)
    with db.session() as reading:
        assert previews.unfinished(reading)
    assert preview_next(db, minutes(1)) is None
    with db.session() as reading:
        died = runs.run(reading, asked)
        assert not previews.unfinished(reading)
    assert (died.state, died.error) == (RunState.FAILED, "the process that made it stopped")
    assert preview_all(db, StandingClock()) == DONE


def test_what_cannot_be_previewed_fails_and_says_why(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is on record, without an accession number, and the next one is made."""
    number, said = morning(db)
    pin_read(db, read_id(db, "A1"), "R2", NOW, by=MANAGER, said=said)
    first = request_preview(db, number, NOW, by=MANAGER)

    def fails(*_: object) -> None:
        raise ValueError("RVV/A1 makes no sense")

    with monkeypatch.context() as patched:
        patched.setattr(preview_draft, "open_live", fails)
        assert preview_all(db, StandingClock()) == NOT_PUBLISHED
    with db.session() as reading:
        failed = runs.run(reading, first)
    assert failed.state is RunState.FAILED
    assert failed.error.startswith("ValueError")
    assert "A1" not in failed.error
    assert previewed(db, number)[0].state is RunState.PREVIEWED


def test_a_rejected_preview_shows_nothing(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the referee does not pass is shown to nobody as a plan."""
    number, said = morning(db)
    pin_read(db, read_id(db, "A1"), "R2", NOW, by=MANAGER, said=said)
    monkeypatch.setattr(preview_draft, "_judge", lambda _: ["H1: RVV/A1 is nobody's"])
    asked = request_preview(db, number, NOW, by=MANAGER)
    preview_next(db, NOW)
    with db.session() as reading:
        run = runs.run(reading, asked)
    assert run.state is RunState.REJECTED
    assert "A1" not in run.error
    assert (moves(db, asked), planned(db, asked)) == ({}, {})


def test_nothing_is_previewed_of_nothing(db: Database) -> None:
    """An empty draft changes nothing; before the first run there is nothing that it could change."""
    queued(db, *STUDIES)
    number = begin_draft(db, "Tuesday", "RVV", NOW, by=MANAGER)
    with pytest.raises(ConflictError, match="nothing is staged"):
        request_preview(db, number, NOW, by=MANAGER)
    said = Said(reason=WHY, draft_id=number)
    exclude_read(db, read_id(db, "A3"), NOW, by=MANAGER, said=said, approver="Dr A")
    asked = request_preview(db, number, NOW, by=MANAGER)
    with pytest.raises(ConflictError, match="no run has been published"):
        preview_next(db, NOW)
    with db.session() as reading:
        assert runs.run(reading, asked).state is RunState.FAILED


def test_a_preview_names_what_turns_late_or_in_time_by_it(sqlite_db: Database) -> None:
    """A3 is the third hour of R1 and asked for by 150 minutes: half an hour late, and in time with the draft."""
    number, said = morning(sqlite_db)
    expedite_study(sqlite_db, StudyKey("RVV", "A3"), minutes(150), NOW, by=MANAGER, said=Said(reason=WHY))
    expedite_study(sqlite_db, StudyKey("RVV", "A3"), minutes(140), NOW, by=MANAGER, said=said)
    _, found = previewed(sqlite_db, number)
    assert found.figures is not None
    before, after = found.figures["before"], found.figures["after"]
    assert (before["late_soon"], after["late_soon"]) == (1, 0)
    assert (before["not_placed"], after["not_placed"]) == (0, 0)
    assert all(sum(figures["terms"].values()) == pytest.approx(figures["total"]) for figures in (before, after))
    assert found.lateness is not None
    (turned,) = found.lateness
    with sqlite_db.session() as reading:
        study_id = reading.get_one(ReadRow, read_id(sqlite_db, "A3")).study_id
    assert turned["study_id"] == study_id
    assert turned["before"] == 30.0
    assert turned["after"] <= 0.0
    assert found.figures["about"] == {str(study_id): turned["after"]}
