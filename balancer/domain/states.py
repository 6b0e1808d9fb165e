"""The states that things pass through between a trust's file and a reporter's list; the values are their wire names."""

from __future__ import annotations

from enum import StrEnum


class BatchState(StrEnum):
    """What became of one file of a feed.

    ``held``: what it brought was taken, what it would have taken away waits for a person; ``released`` and
    ``discarded`` are what the person decided, ``superseded`` that a later file made the question moot. ``unchanged``:
    the very same file again. ``refused``: nothing of it was taken.
    """

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    HELD = "held"
    RELEASED = "released"
    DISCARDED = "discarded"
    SUPERSEDED = "superseded"
    REFUSED = "refused"


class BatchKind(StrEnum):
    """Why the books were opened.

    A file came; emergencies of one are taken before the rest of it; a person released a held one; quarantined rows were
    read again.
    """

    EXTRACT = "extract"
    EMERGENCIES = "emergencies"
    RELEASE = "release"
    REPLAY = "replay"


class StudyState(StrEnum):
    """Whether a study waits for a report.

    ``excluded`` by a named rule, ``withdrawn`` because its source no longer lists it.
    """

    OPEN = "open"
    WITHDRAWN = "withdrawn"
    EXCLUDED = "excluded"


class QuarantineState(StrEnum):
    """What became of a row that could not be taken.

    ``superseded``: a later good row for the same study came; ``replayed``: the row itself was taken after the map was
    mended; ``gone``: a later snapshot no longer holds it. ``refused``: a person has decided that nobody is to mend it;
    it is still in its trust's list and no study, and counted as such until something else becomes of it.
    """

    OPEN = "open"
    REFUSED = "refused"
    REPLAYED = "replayed"
    SUPERSEDED = "superseded"
    GONE = "gone"


class RunState(StrEnum):
    """How far an allocation run came; a ``published`` one changed everybody's list.

    ``requested``: somebody asked for it, and it begins as soon as no other is under way. ``held``: its plan waits for a
    manager, and at most its emergencies are on lists; ``discarded`` is what a manager decided, ``superseded`` that a
    later run was published first. ``previewed``: it was never to be published.
    """

    REQUESTED = "requested"
    RUNNING = "running"
    HELD = "held"
    PUBLISHED = "published"
    DISCARDED = "discarded"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    FAILED = "failed"
    PREVIEWED = "previewed"


class RunKind(StrEnum):
    """What a run does.

    ``allocation``: everything that is open is planned anew, and everybody gets a list. ``mending``: something has
    happened that cannot wait (an emergency, an absence), and the lists that it concerns are mended; the others stand.
    ``preview``: what a draft would do is shown, and no list changes. ``restoring``: lists are put back as they were
    before a draft.
    """

    ALLOCATION = "allocation"
    MENDING = "mending"
    PREVIEW = "preview"
    RESTORING = "restoring"


class FeedState(StrEnum):
    """How far a feed can be trusted now.

    ``silent``: it never delivered; ``stale``: not for longer than it may be; ``held``: a file waits for a person.
    """

    FRESH = "fresh"
    STALE = "stale"
    HELD = "held"
    SILENT = "silent"


class JournalKind(StrEnum):
    """What an entry of the journal tells of a read.

    ``moved``: where it stands, whose it is, which workitem shows it, or what is shown of its study has changed.
    ``progress``: whoever has it open says how far they are. ``cancel_requested``: somebody asks them to leave it.
    ``subscribed``: somebody, and they alone, is to be told how it stands.
    """

    MOVED = "moved"
    PROGRESS = "progress"
    CANCEL_REQUESTED = "cancel_requested"
    SUBSCRIBED = "subscribed"


class AssignmentState(StrEnum):
    """Where a read stands for the PACS that shows it; the last three are the end of it there.

    ``unallocated``: nobody has it, ``reason`` says why or is empty while no plan has seen it yet. ``parked`` and
    ``sent_out``: it waits for something, or for somebody outside the network.
    """

    UNALLOCATED = "unallocated"
    ALLOCATED = "allocated"
    CLAIMED = "claimed"
    PARKED = "parked"
    SENT_OUT = "sent_out"
    DONE = "done"
    EXCLUDED = "excluded"
    WITHDRAWN = "withdrawn"

    @property
    def is_gone(self) -> bool:
        """Whether nobody is to read it any more."""
        return self in {AssignmentState.DONE, AssignmentState.EXCLUDED, AssignmentState.WITHDRAWN}
