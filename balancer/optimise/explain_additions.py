"""The smallest addition that gives an unplaced read a place at a lower total.

What is searched, exactly. *Somebody* is a reporter whom H1, H2, H3, H6, H7, H8 and H9 let do the read. The plan stays
as it is but for the read itself, put in at the best position; what stands behind it begins later.

* **A longer session**: m more minutes, at its end, of a session of somebody's that takes the read (H4), as far as the
  horizon and whatever else that reporter is rostered for allow. The total falls (weakly) with m, for more positions fit
  and the load price falls as rostered time grows; so the least m is found by halving, and a minute less does not do.
* **An extra session** of somebody's, unrestricted, at the policy's default productivity, just long enough for the read
  in whole minutes, at the earliest whole minute when that reporter is rostered for nothing and the read is ready.
* **One more read** in a session that is full by ``max_reads``, with as many minutes as that still needs.
* **Permissions** (an entitlement given or no longer ending, a skill at the lowest level that pays, a modality) for one
  reporter, with as many minutes as that still needs: looked for only if none of the above exists.
* **The pin or the claim taken back.**

Lower means: than leaving the read out with the same addition made, and so lower than the plan. An addition after which
H8 would ask for something else (a place for another claim of the same reporter, a session that counts second) is no
addition.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from balancer.domain.addition import Addition, Release, Remedy
from balancer.domain.instant import reading_seconds
from balancer.domain.placement import Placement
from balancer.domain.reporter import Reporter, SkillLevel
from balancer.domain.study import Study
from balancer.optimise.compiled import kernel
from balancer.optimise.explain_claims import claim_fits, has_waiting_claim
from balancer.optimise.opened import OpenPlan
from balancer.optimise.problem import NEVER, NOBODY, UNPLACED, Flags, Floats, Ids, Ints, ProblemArrays, Records
from balancer.optimise.schedule import (
    INFEASIBLE,
    Schedule,
    can_hold,
    can_read,
    copy_schedule,
    duration,
    insert,
    insertion,
    price_of_holding,
    price_of_load,
    price_of_person,
    price_of_split,
    score,
)

_MINUTE = 60
_LEAST_GAIN, _RELATIVE_GAIN = 1e-6, 1e-9  # points; a total that is lower by less is not lower


@dataclass(frozen=True, slots=True, kw_only=True)
class _Find:
    """An addition with the points by which the total falls against leaving the read out, and against the plan."""

    addition: Addition
    session: int  # NOBODY for an extra one
    change: float
    difference: float

    @property
    def size(self) -> tuple[int, int, int, float, int]:
        """What makes one addition smaller than another; a longer session before an extra one."""
        one = self.addition
        return (one.permissions + one.more_reads, one.minutes, one.is_extra_session, self.difference, self.session)


@dataclass(slots=True)
class Additions:
    """The search for one read of an opened plan; arrays of its own, so that permissions can be tried on."""

    opened: OpenPlan
    read: int
    p: ProblemArrays = field(init=False)
    x: Schedule = field(init=False)
    study: Study = field(init=False)

    def __post_init__(self) -> None:
        self.p, self.x = self.opened.copy()
        self.study = self.opened.problem.studies[int(self.p.reads["study"][self.read])]

    # ------------------------------------------------------------ what is asked for

    def remedies(self) -> tuple[Remedy, ...]:
        """Return the smallest addition of each kind that works, smallest first."""
        waiting = self._waiting()
        if len(waiting) > 1:
            return self._together(waiting)
        found = self._with_time()
        if not found:
            found = self._with_permissions()
        found.sort(key=lambda find: find.size)
        found += self._released()
        return tuple(Remedy(additions=(find.addition,), difference=find.difference) for find in found)

    def _waiting(self) -> list[int]:
        """Return the reads of the study that have no place, this one first."""
        row = self.p.studies[self.p.reads["study"][self.read]]
        own = range(int(row["first_read"]), int(row["end_read"]))
        others = [read for read in own if read != self.read and self.x.reads["session"][read] == UNPLACED]
        return [self.read, *others]

    # ------------------------------------------------------------ kinds of additions

    def _with_time(self) -> list[_Find]:
        longer = _least(self._longer())
        found = [longer] if longer is not None else []
        # nothing is smaller than nothing: it fits, and the total falls
        if longer is not None and longer.addition.minutes == 0:
            return found
        for kind in (self._extras(), self._one_more()):
            least = _least(kind)
            if least is not None:
                found.append(least)
        return found

    def _with_permissions(self) -> list[_Find]:
        lacking = [(r, lack) for r in range(len(self.p.reporters)) for lack in self._lacks(r)]
        for count in (1, 2, 3):
            of_count = {r: lack for r, lack in lacking if len(lack) == count}
            for level in SkillLevel:
                granted = {r: lack for r, lack in of_count.items() if level == SkillLevel.FALLBACK or "level" in lack}
                found = [find for find in self._permitted(granted, level) if find is not None]
                if found:
                    return [min(found, key=lambda find: find.size)]
        return []

    def _permitted(self, granted: dict[int, tuple[str, ...]], level: SkillLevel) -> Iterator[_Find | None]:
        """Yield the least longer session and the least extra one if these reporters had what they lack."""
        pool = int(self.p.studies["pool"][self.p.reads["study"][self.read]])
        trust = int(self.p.studies["trust"][self.p.reads["study"][self.read]])
        levels, latest = self.p.level[pool].copy(), self.p.latest.copy()
        self.p.level[pool] = 0
        for r, lack in granted.items():
            reporter = self.opened.compiled.reporters[r]
            own = reporter.level(self.study.subspecialty, self.study.modality)
            self.p.level[pool, r] = level if "level" in lack else own
            if "entitled_for" in lack:
                self.p.latest[r, trust] = NEVER
        yield _least(self._allowed(find, granted, level) for find in self._longer())
        yield _least(self._allowed(find, granted, level) for find in self._extras())
        self.p.level[pool], self.p.latest[:] = levels, latest

    def _allowed(self, find: _Find, granted: dict[int, tuple[str, ...]], level: SkillLevel) -> _Find:
        lack = granted[self._reporter_idx(find.addition.placement.reporter_id)]
        addition = replace(
            find.addition,
            entitled_for=self.study.trust if "entitled_for" in lack else None,
            level=level if "level" in lack else None,
            in_scope="in_scope" in lack,
        )
        return replace(find, addition=addition)

    def _lacks(self, r: int) -> Iterator[tuple[str, ...]]:
        """Yield which permissions a reporter lacks, if these alone keep them from the read, smaller sets first.

        An entitlement that ends within the horizon may or may not be lacking. Whoever has a claim without a place gets
        no permission, which might be one for that claim too.
        """
        reporter, study = self.opened.compiled.reporters[r], self.study
        number = self.opened.keys[self.read].read
        if reporter.reporter_id in study.excluded or has_waiting_claim(self.x, r, besides=self.read):
            return
        if any(named not in {None, reporter.reporter_id} for named in (study.pinned(number), study.claimed(number))):
            return
        lack = []
        trust = int(self.p.studies["trust"][self.p.reads["study"][self.read]])
        if not self.p.entitled[trust, r]:
            lack.append("entitled_for")
        if reporter.level(study.subspecialty, study.modality) == 0:
            lack.append("level")
        if reporter.modalities and study.modality not in reporter.modalities:
            lack.append("in_scope")
        if lack:
            yield tuple(lack)
        if "entitled_for" not in lack and self.p.latest[r, trust] < int(self.p.prices["beyond"][0]):
            yield ("entitled_for", *lack)

    def _released(self) -> list[_Find]:
        """Return the best place if the pin or the claim were taken back, where that lowers the total."""
        held = [name for name in ("pinned", "claimed") if self.p.reads[name][self.read] != NOBODY]
        if len(held) != 1:
            return []
        name = held[0]
        before = int(self.x.reads[name][self.read])
        self.x.reads[name][self.read] = NOBODY
        least = _least(self._longer(limit=0))
        self.x.reads[name][self.read] = before
        if least is None:
            return []
        kind = Release.PIN if name == "pinned" else Release.CLAIM
        return [replace(least, addition=replace(least.addition, released=kind))]

    # ------------------------------------------------------------ time

    def _longer(self, *, limit: int | None = None, more: int = 0, beyond: float | None = None) -> Iterator[_Find]:
        """Yield, by minutes, what each session would need; at most ``limit`` minutes where that is given."""
        minutes: Ints = np.full(len(self.x.sessions), -1, np.int64)
        change: Floats = np.zeros(len(minutes))
        most = _most_minutes(self.opened) if limit is None else np.full(len(minutes), limit, np.int64)
        left = self._price_left_out() if beyond is None else beyond
        least = max(_LEAST_GAIN, _RELATIVE_GAIN * abs(left))
        _least_minutes(
            *(self.p.prices, self.p.bands, self.p.studies, self.p.people, self.p.patient_reads, self.p.level),
            *(self.p.latest, self.p.takes_pool),
            *self.x,
            *(self.read, most, more, left - least, minutes, change),
        )
        order = np.lexsort((np.arange(len(minutes)), change, minutes))
        for session in order[minutes[order] >= 0].tolist():
            find = self._longer_by(session, int(minutes[session]), more, float(change[session]) - left)
            if find is not None:
                yield find

    def _longer_by(self, session: int, minutes: int, more: int, change: float) -> _Find | None:
        """Return the find of one session, as it stands with the addition made; ``None`` if H8 then asks for more."""
        row, r = self.x.sessions[session], int(self.x.sessions["reporter"][session])
        more = more if row["length"] >= row["max_reads"] else 0
        self._lengthen(session, minutes, more)
        position, _ = insertion(self.p.studies, self.p.latest, *self.x, self.read, session)
        before = int(row["start"])
        if position:
            before = int(self.x.reads["end"][self.x.slots[row["slot"] + position - 1]])
        begin = max(before, int(self.p.studies["ready"][self.p.reads["study"][self.read]]))
        end = begin + int(duration(self.p.studies, self.x.reads, self.x.sessions, self.read, session))
        spoilt = has_waiting_claim(self.x, r, besides=self.read) and self._is_spoilt(session, position, r)
        self._lengthen(session, -minutes, -more)
        if spoilt:
            return None
        addition = Addition(
            key=self.opened.keys[self.read],
            placement=Placement(
                reporter_id=self.opened.compiled.sessions[session].reporter_id,
                session_id=self.opened.compiled.sessions[session].session_id,
                position=position + 1,
                start=self.opened.compiled.instant(begin),
                end=self.opened.compiled.instant(end),
            ),
            until=self.opened.compiled.sessions[session].end + timedelta(minutes=minutes),
            minutes=minutes,
            more_reads=more,
        )
        eased = self._load_eased(r, minutes)
        return _Find(addition=addition, session=session, change=change, difference=change + eased)

    def _is_spoilt(self, session: int, position: int, r: int) -> bool:
        """Tell whether another claim of the reporter's would fit once the read is in."""
        x = copy_schedule(self.x)
        insert(self.p.studies, *x, self.read, session, position)
        return claim_fits(self.p, x, r, besides=self.read)

    def _lengthen(self, session: int, minutes: int, more: int) -> None:
        self.x.sessions["end"][session] += minutes * _MINUTE
        self.x.sessions["max_reads"][session] += more
        self.x.reporters["rostered"][self.x.sessions["reporter"][session]] += minutes * _MINUTE

    def _load_eased(self, r: int, minutes: int) -> float:
        """Return the change of the load term, in points, if a reporter were rostered longer for the same reads."""
        rostered, used = float(self.x.reporters["rostered"][r]), float(self.x.reporters["used"][r])
        bands = self.p.bands
        return price_of_load(bands, rostered + minutes * _MINUTE, used) - price_of_load(bands, rostered, used)

    def _one_more(self) -> Iterator[_Find]:
        """Yield what sessions would need that are full by ``max_reads``."""
        return (find for find in self._longer(more=1) if find.addition.more_reads)

    def _extras(self) -> list[_Find]:
        """Return an extra session for each reporter whom that helps, by minutes."""
        finds = [
            self._extra_of(r, reporter)
            for r, reporter in enumerate(self.opened.compiled.reporters)
            if can_read(self.p.studies, self.p.people, self.p.level, self.x.reads, self.x.sessions, self.read, r)
        ]
        return sorted((find for find in finds if find is not None), key=lambda find: find.addition.minutes)

    def _extra_of(self, r: int, reporter: Reporter) -> _Find | None:
        problem, compiled = self.opened.problem, self.opened.compiled
        taken = reading_seconds(self.study.minutes, reporter.speed, problem.policy.default_productivity)
        minutes = -(-taken // _MINUTE)
        row = self.p.studies[self.p.reads["study"][self.read]]
        ready = max(problem.now, self.study.ready_at or problem.now)
        start = self._free_from(r, reporter, ready, timedelta(minutes=minutes))
        second = int((start - compiled.origin).total_seconds()) if start is not None else 0
        if start is None or second >= self.p.latest[r, row["trust"]]:
            return None
        rostered, used = float(self.x.reporters["rostered"][r]), float(self.x.reporters["used"][r])
        longer, bands = rostered + minutes * _MINUTE, self.p.bands
        change = self._price_of_end(second + taken) + self._price_of_person(r)
        change += price_of_load(bands, longer, used + taken) - price_of_load(bands, longer, used)
        left = self._price_left_out()
        change -= left
        if change >= -max(_LEAST_GAIN, _RELATIVE_GAIN * abs(left)):
            return None
        taken_ids = {session.session_id for session in problem.sessions}
        name = f"extra-{reporter.reporter_id}"
        while name in taken_ids:
            name += "+"
        placement = Placement(
            reporter_id=reporter.reporter_id,
            session_id=name,
            position=1,
            start=start,
            end=start + timedelta(seconds=taken),
        )
        addition = Addition(
            key=self.opened.keys[self.read],
            placement=placement,
            until=start + timedelta(minutes=minutes),
            minutes=minutes,
            is_extra_session=True,
        )
        return _Find(addition=addition, session=NOBODY, change=change, difference=change + self._load_eased(r, minutes))

    def _free_from(self, r: int, reporter: Reporter, ready: datetime, length: timedelta) -> datetime | None:
        """Return the earliest whole minute from which a reporter is rostered for nothing for ``length``.

        Where the reporter has claims, only where the extra session leaves it to H8 what it is (see the module).
        """
        problem = self.opened.problem
        own = [session for session in self.opened.compiled.sessions if session.reporter_id == reporter.reporter_id]
        is_claimants = self.p.reads["claimed"][self.read] == r
        claims = (self.x.reads["claimed"] == r) & (np.arange(len(self.x.reads)) != self.read)
        if claims.any():
            if is_claimants:
                return None
            if len(own) > 1 or bool(np.any(claims & (self.x.reads["session"] == UNPLACED))):
                if len(own) < 2:
                    return None
                ready = max(ready, own[1].end)
        at = _whole_minute_up(ready.astimezone(UTC))
        for session in sorted(problem.sessions, key=lambda one: one.start):
            if session.reporter_id == reporter.reporter_id and session.end > at and session.start < at + length:
                at = max(at, _whole_minute_up(session.end.astimezone(UTC)))
        if at + length > problem.horizon_end:
            return None
        if is_claimants and sum(session.start < at for session in own) > 1:
            return None
        return at

    # ------------------------------------------------------------ several reads

    def _together(self, waiting: list[int]) -> tuple[Remedy, ...]:
        """Return longer sessions for all reads of a study at once, for the study is not complete without any of them.

        One after the other: each as if those that follow were done, the last against what the others cost.
        """
        found: list[_Find] = []
        spent, eased = 0.0, 0.0
        fraction = self._price_left_out() - self._price_of_end(float(self.p.prices["beyond"][0]))
        for number, read in enumerate(waiting):
            self.read = read
            later = waiting[number + 1 :]
            left = self._price_left_out()
            before = self.x.reads["end"][later].copy()
            self.x.reads["end"][later] = 0
            find = _least(self._longer(beyond=left if later else left - spent))
            self.x.reads["end"][later] = before
            if find is None:
                return ()
            found.append(find)
            self._lengthen(find.session, find.addition.minutes, 0)
            eased += find.difference - find.change
            points = float(score(self.p, self.x).sum())
            insert(self.p.studies, *self.x, read, find.session, find.addition.placement.position - 1)
            spent += float(score(self.p, self.x).sum()) - points
        # the arrays have what is unplaced end on a whole second
        spent -= fraction
        if spent >= -_LEAST_GAIN:
            return ()
        return (Remedy(additions=tuple(find.addition for find in found), difference=spent + eased),)

    # ------------------------------------------------------------ prices

    def _price_left_out(self) -> float:
        """Return the clinical points of the study while this read has no place, to the fraction of a second."""
        return self._price_of_end(self.opened.compiled.beyond_second)

    def _price_of_end(self, second: float) -> float:
        row = self.p.studies[self.p.reads["study"][self.read]]
        own = range(int(row["first_read"]), int(row["end_read"]))
        latest = max([second, *(float(self.x.reads["end"][read]) for read in own if read != self.read)])
        points = row["a0"] * latest + row["a2"] * max(0.0, latest - row["ceiling"])
        return float(points + (row["jump"] + row["a1"] * (latest - row["due"]) if latest > row["due"] else 0.0))

    def _price_of_person(self, r: int) -> float:
        """Return match, remote, prior, churn and split of a reporter for the read."""
        p, x, study = self.p, self.x, int(self.p.reads["study"][self.read])
        home = int(p.reporters["home"][r])
        points = price_of_person(p.prices, p.studies, p.people, p.level, home, study, r)
        for who, sign in ((r, 1.0), (UNPLACED, -1.0)):
            points += sign * price_of_split(p.prices, p.studies, x.reads, x.sessions, p.patient_reads, self.read, who)
        return points

    def _reporter_idx(self, reporter_id: str) -> int:
        return next(r for r, who in enumerate(self.opened.compiled.reporters) if who.reporter_id == reporter_id)


def direct_places(p: ProblemArrays, x: Schedule, read: int) -> Floats:
    """Return the points, (S,), of an unplaced read in each session as it stands; infinite where it does not fit."""
    minutes: Ints = np.full(len(x.sessions), -1, np.int64)
    change: Floats = np.full(len(minutes), np.inf)
    _least_minutes(
        *(p.prices, p.bands, p.studies, p.people, p.patient_reads, p.level, p.latest, p.takes_pool),
        *x,
        *(read, np.zeros(len(minutes), np.int64), 0, INFEASIBLE, minutes, change),
    )
    return change


def _least(finds: Iterable[_Find]) -> _Find | None:
    """Return the smallest of finds that come by rising minutes."""
    least: _Find | None = None
    for find in finds:
        if least is not None and find.addition.minutes > least.addition.minutes:
            break
        if least is None or find.size < least.size:
            least = find
    return least


def _whole_minute_up(instant: datetime) -> datetime:
    whole = instant.replace(second=0, microsecond=0)
    return whole if whole == instant else whole + timedelta(minutes=1)


def _most_minutes(opened: OpenPlan) -> Ints:
    """Return by how many whole minutes each counted session could end later: (S,)."""
    problem = opened.problem
    busy: dict[str, list[datetime]] = {}
    ends = {session.session_id: session.end for session in problem.sessions}
    for session in problem.sessions:
        busy.setdefault(session.reporter_id, []).append(session.start)
    return np.array(
        [
            _minutes_until_busy(problem.horizon_end, ends[session.session_id], busy[session.reporter_id])
            for session in opened.compiled.sessions
        ],
        np.int64,
    )


def _minutes_until_busy(horizon_end: datetime, end: datetime, starts: list[datetime]) -> int:
    until = min([horizon_end, *(start for start in starts if start >= end)])
    return max(0, int((until - end) / timedelta(minutes=1)))


@kernel
def _least_minutes(
    prices: Records,
    bands: Floats,
    studies: Records,
    people: Ids,
    patient_reads: Ids,
    level: NDArray[np.int8],
    latest: Ints,
    takes_pool: Flags,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    read: int,
    most: Ints,
    more: int,
    below: float,
    minutes: Ints,
    change: Floats,
) -> None:
    """Write the least minutes that bring the read's points below ``below``, for each session, and those points."""
    for session in range(len(sessions)):
        reporter = int(sessions[session].reporter)
        if not can_hold(studies, takes_pool, reads, sessions, read, session):
            continue
        if not can_read(studies, people, level, reads, sessions, read, reporter):
            continue
        full = 0
        if more > 0 and sessions[session].length >= sessions[session].max_reads:
            full = more
        end, rostered = sessions[session].end, reporters[reporter].rostered
        sessions[session].max_reads += full
        low, high = -1, int(most[session])
        points = INFEASIBLE
        # low never suffices, high always does, once it is known that the most there is suffices
        sessions[session].end = end + 60 * high
        reporters[reporter].rostered = rostered + 60.0 * high
        points = _points(
            prices, bands, studies, people, patient_reads, level, latest,
            reads, sessions, reporters, slots, read, session,
        )  # fmt: skip
        suffices = points < below
        while suffices and high - low > 1:
            middle = (low + high) // 2
            sessions[session].end = end + 60 * middle
            reporters[reporter].rostered = rostered + 60.0 * middle
            tried = _points(
                prices, bands, studies, people, patient_reads, level, latest,
                reads, sessions, reporters, slots, read, session,
            )  # fmt: skip
            if tried < below:
                high, points = middle, tried
            else:
                low = middle
        sessions[session].end = end
        sessions[session].max_reads -= full
        reporters[reporter].rostered = rostered
        if suffices:
            minutes[session] = high
            change[session] = points


@kernel
def _points(
    prices: Records,
    bands: Floats,
    studies: Records,
    people: Ids,
    patient_reads: Ids,
    level: NDArray[np.int8],
    latest: Ints,
    reads: Records,
    sessions: Records,
    reporters: Records,
    slots: Ids,
    read: int,
    session: int,
) -> float:
    position, points = insertion(studies, latest, reads, sessions, reporters, slots, read, session)
    if position < 0:
        return INFEASIBLE
    return points + price_of_holding(
        prices, bands, studies, people, patient_reads, level, reads, sessions, reporters, read, session
    )
