"""An ``AllocationProblem`` as the folder of section 5; ``ingest.problem_folder`` reads it back the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from balancer.domain.policy import FollowUpRules, Policy, PriorityClass, PublishingRules, ReadingRules, ReplanLimits
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import Reporter, Session
from balancer.domain.study import Study
from balancer.publish.whole_folder import utc, whole_folder, write_table, write_text

PROBLEM_FILES = ("trusts.csv", "exams.csv", "reporters.csv", "sessions.csv", "studies.csv", "policy.toml")

# Whose policy it is, by the key of the file.
_ABOUT = {"owner": "owner", "version": "version", "date": "dated_on", "author": "author", "approver": "approver"}
# Tables of the policy that say nothing unless they differ from these.
_MAY_BE_LEFT_OUT = {"replan": ReplanLimits(), "reading": ReadingRules(), "publishing": PublishingRules()}
_EXAMS = ("exam_code", "name", "modality", "body_region", "subspecialty", "minutes", "reads")
_REPORTERS = ("reporter_id", "name", "grade", "home_trust", "trusts", "skills", "modalities", "speed")
_SESSIONS = (
    "session_id",
    "reporter_id",
    "start",
    "end",
    "activity",
    "productivity",
    "trusts",
    "subspecialties",
    "modalities",
    "priorities",
    "max_reads",
)
_STUDIES = (
    "trust",
    "accession_number",
    "patient_id",
    "exam_code",
    "priority",
    "acquired_at",
    "ready_at",
    "due_at",
    "modality",
    "subspecialty",
    "minutes",
    "reads",
    "pinned_to",
    "excluded",
    "prior_reporter",
    "published_to",
    "claimed_by",
)


def write_problem(
    problem: AllocationProblem, folder: Path, *, on_progress: Callable[[int], None] | None = None
) -> None:
    """Write the six files of ``problem`` to ``folder``, all or none.

    ``on_progress`` is told, now and then, how many studies are written. The working calendar is not written: whoever
    reads the folder knows the bank holidays.

    Raises
    ------
    InputRefusedError
        If ``folder`` is a file or holds something else.
    """
    catalogue = {exam.code: exam for exam in problem.examinations}
    with whole_folder(folder, PROBLEM_FILES) as new:
        write_table(new / "trusts.csv", ("trust", "name"), ((trust.code, trust.name) for trust in problem.trusts))
        write_table(
            new / "exams.csv",
            _EXAMS,
            (
                (e.code, e.name, e.modality, e.body_region, e.subspecialty, number(e.minutes), e.reads)
                for e in problem.examinations
            ),
        )
        write_table(new / "reporters.csv", _REPORTERS, map(_reporter_row, problem.reporters))
        write_table(new / "sessions.csv", _SESSIONS, map(_session_row, problem.sessions))

        def study_rows() -> Iterator[tuple[object, ...]]:
            for count, study in enumerate(problem.studies):
                if on_progress is not None and count % 10_000 == 0:
                    on_progress(count)
                exam = catalogue[study.exam_code]
                # only what differs from the catalogue is the study's own
                yield _study_row(
                    study,
                    modality="" if study.modality == exam.modality else study.modality,
                    subspecialty="" if study.subspecialty == exam.subspecialty else study.subspecialty,
                    minutes="" if study.minutes == exam.minutes else number(study.minutes),
                    reads="" if study.reads == exam.reads else str(study.reads),
                )

        write_table(new / "studies.csv", _STUDIES, study_rows())
        write_text(new / "policy.toml", policy_text(problem.policy))


def number(value: float) -> str:
    """Return the shortest text that reads back as exactly ``value``; whole numbers without a point."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))


def _reporter_row(reporter: Reporter) -> tuple[object, ...]:
    trusts = (f"{code}@{day.isoformat()}" if day else code for code, day in reporter.trusts.items())
    skills = (
        f"{subspecialty}/{modality}:{level:d}" if modality else f"{subspecialty}:{level:d}"
        for (subspecialty, modality), level in reporter.skills.items()
    )
    return (
        reporter.reporter_id,
        reporter.name,
        reporter.grade,
        reporter.home_trust,
        ";".join(trusts),
        ";".join(skills),
        _listed(reporter.modalities),
        number(reporter.speed),
    )


def _session_row(session: Session) -> tuple[object, ...]:
    return (
        session.session_id,
        session.reporter_id,
        utc(session.start),
        utc(session.end),
        session.activity,
        number(session.productivity),
        _listed(session.trusts),
        _listed(session.subspecialties),
        _listed(session.modalities),
        _listed(session.priorities),
        "" if session.max_reads is None else session.max_reads,
    )


def _study_row(study: Study, *, modality: str, subspecialty: str, minutes: str, reads: str) -> tuple[object, ...]:
    return (
        study.trust,
        study.accession_number,
        study.patient_id,
        study.exam_code,
        study.priority,
        utc(study.acquired_at),
        utc(study.ready_at),
        utc(study.due_at),
        modality,
        subspecialty,
        minutes,
        reads,
        _in_read_order(study.pinned_to),
        _listed(study.excluded),
        study.prior_reporter or "",
        _in_read_order(study.published_to),
        _in_read_order(study.claimed_by),
    )


def _listed(names: Iterable[str]) -> str:
    return ";".join(sorted(names)) if names else ""


def _in_read_order(names: tuple[str | None, ...]) -> str:
    return ";".join(name or "" for name in names) if names else ""


def policy_text(policy: Policy) -> str:
    """Return ``policy`` as the TOML of section 5; ``ingest.policy_file`` reads it back the same."""
    about = {name: getattr(policy, attribute) for name, attribute in _ABOUT.items()}
    blocks = [
        _toml_table("policy", {name: _text(value) for name, value in about.items() if value})
        if any(about.values())
        else "",
        _toml_table("horizon", {"hours": number(policy.horizon_hours), "beyond_hours": number(policy.beyond_hours)}),
        _toml_table("productivity", {"default": number(policy.default_productivity)}),
        *(_toml_priority(priority) for priority in policy.priorities),
        _toml_table(
            "weights",
            {name: number(getattr(policy.weights, name)) for name in sorted(type(policy.weights).__slots__)},
        ),
        _toml_table(
            "load",
            {"bands": f"[{', '.join(f'[{number(band.up_to)}, {number(band.price)}]' for band in policy.bands)}]"},
        ),
        *(
            _toml_table(name, {key: _plain(value) for key, value in asdict(getattr(policy, name)).items()})
            for name, usual in _MAY_BE_LEFT_OUT.items()
            if getattr(policy, name) != usual
        ),
        _toml_table("ledger.taken_minutes", {_text(cap.trust): number(cap.minutes) for cap in policy.ledger})
        if policy.ledger
        else "",
        _toml_follow_up(policy.follow_up) if policy.follow_up != FollowUpRules() else "",
    ]
    return "\n".join(block for block in blocks if block)


def _plain(value: float | bool) -> str:  # noqa: FBT001 - a value of the file
    return str(value).lower() if isinstance(value, bool) else number(value)


def _toml_follow_up(rules: FollowUpRules) -> str:
    figures = ("verification_share", "arbitration_share", "verification_hours")
    words = {name: f"[{', '.join(map(_text, getattr(rules, name)))}]" for name in ("provisional", "verifiers")}
    return _toml_table("follow_up", {**{name: number(getattr(rules, name)) for name in figures}, **words})


def _toml_priority(priority: PriorityClass) -> str:
    own = {} if priority.verification_hours is None else {"verification_hours": number(priority.verification_hours)}
    if priority.provisional_stops_clock:
        own["provisional_stops_clock"] = "true"
    if priority.target_working_days is not None:
        target = {"target_working_days": str(priority.target_working_days)}
    else:
        target = {"target_hours": number(priority.target_hours or 0.0)}
    return _toml_table(
        "[priority]",
        {
            "code": _text(priority.code),
            **target,
            "clock": _text(priority.clock.value),
            "weight": number(priority.weight),
            "breach": number(priority.breach),
            "ceiling_hours": number(priority.ceiling_hours),
            **own,
        },
    )


def _toml_table(name: str, values: dict[str, str]) -> str:
    return "\n".join([f"[{name}]", *(f"{key} = {value}" for key, value in values.items()), ""])


def _text(value: str) -> str:
    """Return a TOML basic string; JSON's is one, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
