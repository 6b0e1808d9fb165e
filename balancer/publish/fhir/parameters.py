"""What a search of Tasks may say (R4, 3.1.1), as a CapabilityStatement tells it: also what is refused, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

INCLUDES: Final = frozenset({"Task:focus", "Task:owner", "Task:requester", "Task:input"})
"""What ``_include`` may name; ``Task:input`` is of our own, for R4 has no parameter for what is read."""

# What a CapabilityStatement says of each: its type, and what it looks at.
PARAMETERS: Final[Mapping[str, tuple[str, str]]] = {
    "_id": ("token", "the Task's id"),
    "_lastUpdated": ("date", "when anything of it last changed"),
    "authored-on": ("date", "when the study became known here"),
    "business-status": ("token", "where exactly the read stands"),
    "code": ("token", "what kind of read it is"),
    "due": ("date", "restriction.period.end: when it is due; our own, R4 has none"),
    "focus": ("reference", "the order: all reads of one study"),
    "group-identifier": ("token", "the accession number; its system says whose"),
    "identifier": ("token", "the SOP Instance UID of its workitem"),
    "intent": ("token", "always order"),
    "modified": ("date", "as _lastUpdated"),
    "owner": ("reference", "whose list it is on, who has it open, or who did it; also owner:identifier"),
    "patient": ("reference", "as patient:identifier only: the imaging trust's own number"),
    "period": ("date", "executionPeriod: from when it was begun until it ended"),
    "planned-start": ("date", "the input of that name: when the plan has it read; our own, R4 has none"),
    "priority": ("token", "stat, urgent or routine"),
    "requester": ("reference", "the trust that imaged; also requester:identifier"),
    "status": ("token", "also status:not"),
    "subject": ("reference", "as patient"),
}

# By what _sort puts Tasks in order, and what the order is; what a Task lacks comes last, whichever way it is asked for.
SORTS: Final[Mapping[str, str]] = {
    "_id": "as numbered, in which nothing ever moves: the order if none is asked for",
    "_lastUpdated": "the longest unchanged first",
    "authored-on": "the longest known first",
    "due": "the first due first",
    "modified": "as _lastUpdated",
    "period": "the first begun first",
    "planned-start": "the first planned first",
    "priority": "routine, urgent, stat: with a minus the most urgent first",
}

# Other parameters of R4's that a client may think of, and why there is none.
REFUSED: Final[Mapping[str, str]] = {
    "_content": "no text is searched",
    "_contained": "nothing is contained in a Task",
    "_filter": "the parameters above say it",
    "_has": "nothing that points to a Task can be searched",
    "_list": "there are no Lists",
    "_profile": "no profile is claimed",
    "_query": "there are no named queries",
    "_revinclude": "nothing that can be read points to a Task",
    "_security": "nothing is labelled",
    "_source": "nothing is said of it",
    "_tag": "nothing is tagged",
    "_text": "no text is searched",
    "based-on": "Tasks have no basedOn: the order is the focus",
    "encounter": "no source tells us of one",
    "part-of": "no Task is part of another: all reads of a study have one focus",
    "patient": "a Patient cannot be read here, so none has an id: patient:identifier, by POST to _search",
    "performer": "R4's looks at performerType, which is not sent: whose it is, is the owner",
    "subject": "as patient",
}
