"""Nobody starves: a last pass over a schedule that lets reads past their ceiling go before those that can wait.

*Starved* is a read B if, directly before it in the same session, stands a read A such that, were the two exchanged,

* B now ends after its study's ceiling, and A would still end at or before its due time;
* A is no emergency, neither of the two is claimed, and B is ready (``ready_at``) when A starts;
* A would still start before its reporter's entitlement for its trust ends (H1);
* exchanging them would not simply starve A: that is, not both (A past its own ceiling then, and B in time now), which
  can only be if a due time of the study's own lies beyond the ceiling of its class.

Everything is about the end of the read itself; a study's other read may be earlier or later. The pass exchanges such
pairs until there is none. It ends: let F1 be the sum over reads of their time after both due and ceiling, F2 of their
time after the ceiling. No read but A ends later than before, and A ends in time, so F1 never rises. Either B was late
as well as past its ceiling, and F1 falls; or B was in time, then A ends before its ceiling, and F2 falls. So (F1, F2)
falls lexicographically with every exchange, and a session has only so many orders.

No hard rule can break: who reads what in which session stays, the pair ends no later than before and nothing behind it
moves back, claimed reads stay in front. What it costs: at most A's price of waiting, ``weight * wait_rate`` for as long
as B takes; what it saves is at least what B pays past its ceiling for as long as A takes, if that read decides when its
study is complete. With the example policy that is nearly always a gain, so the search has mostly done it already.
"""

from __future__ import annotations

from balancer.optimise.compiled import kernel
from balancer.optimise.problem import Compiled, Ids, Ints, Records
from balancer.optimise.schedule import Schedule, duration, retime

_NONE = -1  # no class of the policy is called an emergency


def let_the_starved_pass(compiled: Compiled, x: Schedule) -> int:
    """Ensure that no read in ``x`` is starved; return how many pairs were exchanged."""
    p = compiled.arrays
    classes = compiled.problem.policy.priorities
    emergency = next((index for index, priority in enumerate(classes) if priority.is_emergency), _NONE)
    return _exchange_all(p.studies, p.latest, x.reads, x.sessions, x.slots, emergency)


@kernel
def _exchange_all(studies: Records, latest: Ints, reads: Records, sessions: Records, slots: Ids, emergency: int) -> int:
    exchanged = 0
    for session in range(len(sessions)):
        row = sessions[session]
        base, first = row.slot, row.claims + 1
        position = first
        while position < row.length:
            if not _is_starved(studies, latest, reads, sessions, slots, session, position, emergency):
                position += 1
                continue
            slots[base + position], slots[base + position - 1] = slots[base + position - 1], slots[base + position]
            retime(studies, reads, sessions, slots, session, position - 1)
            exchanged += 1
            position = max(first, position - 1)
    return exchanged


@kernel
def _is_starved(
    studies: Records,
    latest: Ints,
    reads: Records,
    sessions: Records,
    slots: Ids,
    session: int,
    position: int,
    emergency: int,
) -> bool:
    """Tell whether the read at ``position``, unclaimed like the one before it, is starved by that one."""
    row = sessions[session]
    before, read = slots[row.slot + position - 1], slots[row.slot + position]
    ahead, behind = studies[reads[before].study], studies[reads[read].study]
    end = reads[read].end
    if end <= behind.ceiling or ahead.priority == emergency:
        return False
    taken = duration(studies, reads, sessions, before, session)
    if behind.ready > reads[before].end - taken:
        return False
    at = reads[slots[row.slot + position - 2]].end if position > 1 else row.start
    at = max(at, behind.ready) + duration(studies, reads, sessions, read, session)
    begin = max(at, ahead.ready)
    if begin + taken > ahead.due or begin >= latest[row.reporter, ahead.trust]:
        return False
    return begin + taken <= ahead.ceiling or end > behind.due
