"""The sample's clinical policy as a file, and why each figure; ``kent_policy`` is what ingest reads from it.

A test holds the two together.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from balancer.domain.policy import Policy
from balancer.simulate.catalogue import example_policy

_WEEK_HOURS: Final = 168.0
# A quarter fewer of the published reads change hands with each plan than at 1, for 0.2 % of the cost besides
# (docs/benchmarks/README.md).
_MOVE: Final = 10.0


def kent_policy() -> Policy:
    """Return the example policy of a week, with moves that must be worth something."""
    policy = example_policy(_WEEK_HOURS)
    return replace(policy, weights=replace(policy.weights, churn=_MOVE))


POLICY_TOML = """\
# Synthetic. An example policy, NOT clinically approved: every figure is to be decided, signed and dated by the
# network's own clinical leads before anybody works by it.

[policy]
owner = "Balancer's example: not clinically approved"
version = "1"
date = "2026-03-01"

[horizon]
hours = 168                     # a week of rosters
beyond_hours = 24               # a read that fits nowhere is costed as if it ended a day after that

[productivity]
default = 0.70                  # share of a session spent reporting; a survey found a third not countable

[[priority]]                    # emergency department, trauma, stroke, acutely unwell
code = "emergency"
target_hours = 4                # assumption for CT and MRI; head injury and major trauma ask for a provisional report
clock = "calendar"              # within the hour (NICE QS74, QS166), which is a phone call and not a worklist
weight = 100
breach = 24                     # hours of lateness that crossing the target is worth
ceiling_hours = 24

[[priority]]                    # inpatients whose treatment waits for the report
code = "inpatient_urgent"
target_hours = 12               # assumption
clock = "calendar"
weight = 40
breach = 24
ceiling_hours = 48

[[priority]]                    # other inpatients, and plain films of the emergency department
code = "inpatient"
target_working_days = 1         # RCR AuditLive XR-508: inpatient radiographs within one working day
clock = "working_days"
weight = 20
breach = 24
ceiling_hours = 96

[[priority]]                    # urgent suspected cancer referrals
code = "suspected_cancer"
target_hours = 72               # assumption: imaging's slice of the 28 days from referral to an answer
clock = "calendar"
weight = 12
breach = 24
ceiling_hours = 168

[[priority]]                    # urgent requests of general practice and clinics
code = "urgent"
target_hours = 120              # assumption: five days on which the clock runs
clock = "working_days"
weight = 5
breach = 24
ceiling_hours = 336

[[priority]]                    # breast screening: both reads
code = "screening"
target_working_days = 8         # assumption: leaves time for a third reader within the two weeks of the programme
clock = "working_days"
weight = 3
breach = 24
ceiling_hours = 336             # NHS Breast Screening Programme: result within two weeks of attendance

[[priority]]                    # everything else
code = "routine"
target_hours = 336              # assumption: 14 days, half of what may never be exceeded
clock = "calendar"
weight = 1
breach = 24
ceiling_hours = 672             # NHS England 2023: no examination longer than 4 weeks

[weights]                       # points; a point is an hour of lateness of a study of weight 1. All assumptions
wait_rate = 0.02                # waiting costs something even before it is late
ceiling_weight = 50             # an hour beyond the ceiling
general = 0.5                   # read by a generalist rather than a specialist
fallback = 3                    # read by somebody who can if nobody better can
remote = 0.2                    # read in another trust
churn = 10                      # taken from somebody to whom it was already given: ten routine hours, so that a list
                                # is not dealt anew every quarter of an hour for what nobody would notice
prior = 0.5                     # not read by whoever read the study before
split = 1                       # one patient's studies with several reporters

[load]                          # [share of the rostered time filled, points an hour up to there]: assumptions
bands = [[0.6, 0.0], [0.8, 1.0], [0.9, 2.0], [1.0, 4.0]]
"""
