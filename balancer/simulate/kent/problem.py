"""The sample as an allocation problem, straight from the truth: what ingest should arrive at by way of the files."""

from __future__ import annotations

from datetime import UTC, datetime

from balancer.domain.instant import local_instant
from balancer.domain.policy import EMERGENCY
from balancer.domain.problem import AllocationProblem
from balancer.domain.reporter import Session
from balancer.domain.study import Study
from balancer.domain.working_days import WorkingCalendar
from balancer.simulate.kent.catalogue import EXAMINATIONS
from balancer.simulate.kent.places import TRUSTS
from balancer.simulate.kent.planted import Heap
from balancer.simulate.kent.policy import kent_policy
from balancer.simulate.kent.queue import Order
from balancer.simulate.kent.rota import Activity, Duty, reporting_spans
from balancer.simulate.kent.sample import Sample

_PRODUCTIVITY = 0.7
_ON_CALL_PRODUCTIVITY = 0.35


def problem_of(sample: Sample, calendar: WorkingCalendar | None = None) -> AllocationProblem:
    """Return the problem of ``sample`` at the instant of its extracts, without the studies whose rows are wrong.

    ``patient_id`` is the NHS number, or the trust's own number of who has none; ingest makes pseudonyms of them.
    """
    wrong = {
        (planted.trust, planted.accession_number)
        for extract in sample.extracts
        for planted in extract.planted
        if planted.expected is Heap.QUARANTINED
    }
    return AllocationProblem(
        now=sample.as_of,
        policy=kent_policy(),
        trusts=TRUSTS,
        examinations=EXAMINATIONS,
        reporters=sample.reporters,
        sessions=tuple(_session(duty) for duty in reporting_spans(sample.duties)),
        studies=tuple(
            _study(order)
            for order in sample.orders
            if not order.excluded_by and (order.trust, order.accession_number) not in wrong
        ),
        calendar=calendar or WorkingCalendar(),
    )


def _study(order: Order) -> Study:
    exam = order.entry.examination
    return Study(
        trust=order.trust,
        accession_number=order.accession_number,
        patient_id=order.nhs_number or f"{order.trust} {order.local_patient_id}",
        exam_code=exam.code,
        priority=order.priority,
        acquired_at=order.acquired_at,
        modality=exam.modality,
        subspecialty=exam.subspecialty,
        minutes=exam.minutes,
        reads=order.reads,
        ready_at=order.ready_at,
        excluded=frozenset({order.first_reader} if order.first_reader else ()),
        prior_reporter=order.prior_reporter,
    )


def _session(duty: Duty) -> Session:
    on_call = duty.activity is Activity.ON_CALL
    start = _utc(duty.start)
    return Session(
        session_id=f"{duty.trust}-{duty.reporter_id}-{start:%Y%m%dT%H%MZ}",
        reporter_id=duty.reporter_id,
        start=start,
        end=_utc(duty.end),
        productivity=_ON_CALL_PRODUCTIVITY if on_call else _PRODUCTIVITY,
        priorities=frozenset({EMERGENCY} if on_call else ()),
    )


def _utc(wall_clock: datetime) -> datetime:
    return local_instant(wall_clock).astimezone(UTC)
