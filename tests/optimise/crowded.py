"""Random small worlds with more work than time, so that every plan leaves something out for one reason or another."""

from __future__ import annotations

from datetime import date

from hypothesis import strategies as st

from balancer.domain.problem import AllocationProblem
from tests.worlds import policy, priority, reporter, session, study, world

PEOPLE = ("R1", "R2", "R3")


@st.composite
def crowded_worlds(draw: st.DrawFn) -> AllocationProblem:
    """Return three to six reads of a quarter to one and a half hours, and three reporters with an hour or two each."""
    minutes = st.sampled_from([13, 27.5, 44, 60, 90])
    nobody_else = st.sampled_from([(), (), (), ("R1",), ("R2",)])
    studies = [
        study(
            f"A{number}",
            trust=draw(st.sampled_from(["RVV", "RVV", "RWF"])),
            subspecialty=draw(st.sampled_from(["neuro", "neuro", "msk"])),
            priority=draw(st.sampled_from(["urgent", "routine"])),
            patient_id=draw(st.sampled_from(["", "p"])),
            due=draw(st.sampled_from([0.5, 3.0, 40.0])),
            ready=draw(st.sampled_from([None, None, None, 1.0])),
            minutes=draw(minutes),
            reads=draw(st.sampled_from([1, 1, 1, 1, 2])),
            excluded=draw(nobody_else),
            pinned_to=draw(nobody_else),
            claimed_by=draw(st.sampled_from([(), (), (), (), ("R1",)])),
            published_to=draw(nobody_else),
        )
        for number in range(draw(st.integers(3, 6)))
    ]
    days: list[dict[str, date | None]] = [
        {"RVV": None},
        {"RVV": None, "RWF": None},
        {"RVV": date(2026, 3, 2), "RWF": None},
    ]
    trusts = st.sampled_from(days)
    skills = st.sampled_from([{"neuro": 3}, {"neuro": 3}, {"neuro": 1, "msk": 2}])
    reporters = [
        reporter(name, trusts=draw(trusts), skills=draw(skills), speed=draw(st.sampled_from([1, 0.9, 1.3])))
        for name in PEOPLE
    ]
    sessions = [
        session(
            f"S{number}",
            draw(st.sampled_from(PEOPLE)),
            start=2.5 * number,
            hours=draw(st.sampled_from([0.25, 1, 1.3, 2])),
            productivity=draw(st.sampled_from([1, 0.7])),
            subspecialties=draw(st.sampled_from([(), (), (), ("msk",)])),
            max_reads=draw(st.sampled_from([None, None, None, 1])),
            activity=draw(st.sampled_from(["reporting", "reporting", "reporting", "mdt"])),
        )
        for number in range(draw(st.integers(1, 3)))
    ]
    return world(
        studies=studies,
        reporters=reporters,
        sessions=sessions,
        policy=policy(
            priority("urgent", weight=10, breach=draw(st.sampled_from([0, 3])), ceiling_hours=20),
            priority(),
            hours=36,
            bands=[(0.5, 0), (1, draw(st.sampled_from([0, 2])))],
            wait_rate=0.02,
            ceiling_weight=draw(st.sampled_from([0, 5])),
            general=0.5,
            fallback=draw(st.sampled_from([3, 40])),
            remote=0.2,
            churn=1,
            split=1,
        ),
    )
