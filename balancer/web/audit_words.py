"""What stands in the audit trail in plain words; the code itself stays beside it, in files and over the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_READ: Final = {
    "publish": "Read: its list was published",
    "claim": "Read: opened",
    "release": "Read: let go, not reported",
    "lapse": "Read: let go, nothing was heard any more",
    "return": "Read: handed back",
    "take_over": "Read: taken over by a manager",
    "take_away": "Read: taken from a list",
    "complete": "Read: reported",
    "dispute": "Read: reported here, unreported at its source",
    "report": "Read: confirmed by its source",
    "park": "Read: parked",
    "unpark": "Read: no longer parked",
    "send_out": "Read: sent out",
    "recall": "Read: called back from a provider",
    "exclude": "Read: left out, not to be read here",
    "readmit": "Read: to be read here after all",
    "withdraw": "Read: no longer asked for by its source",
    "reopen": "Read: asked for again",
    "follow": "Read: another was made to follow it",
    "outcome": "Read: what came of it was entered",
}
_INSTRUCTION: Final = {
    "made": "Decision: made",
    "staged": "Decision: staged in a draft",
    "in_force": "Decision: put in force",
    "expired": "Decision: its time is over",
    "withdrawn": "Decision: taken back",
    "agreed": "Decision: the feed says the same now",
    "discarded": "Decision: thrown away with its draft",
}
_DRAFT: Final = {
    "begun": "Draft: begun",
    "preview": "Draft: a preview was asked for",
    "published": "Draft: published",
    "discarded": "Draft: thrown away",
    "undone": "Draft: undone",
}
_RUN: Final = {
    "publish": "Run: its plan was published",
    "discard": "Run: its plan was discarded",
    "undo": "Run: undone, lists put back",
    "emergencies_out": "Run: its emergencies went onto lists",
}
_OTHERS: Final = {
    "policy.propose": "Policy: a version was proposed",
    "policy.approve": "Policy: a version was approved",
    "policy.decline": "Policy: a version was declined",
    "exception.opened": "Exception: somebody has to look",
    "exception.taken": "Exception: taken by somebody",
    "exception.resolved": "Exception: resolved",
    "silence.opened": "Silent feed: it stopped delivering",
    "silence.taken": "Silent feed: taken by somebody",
    "silence.resolved": "Silent feed: it delivers again",
    "feed_word.said": "Feed's word: its meaning was said",
    "feed_word.withdrawn": "Feed's word: taken back",
    "quarantine.refuse": "Quarantine: a row was refused",
    "quarantine.reopen": "Quarantine: a refused row was taken up again",
    "workitem.create": "Workitem: made by a system",
    "workitem.update": "Workitem: changed by a system",
    "workitem.request_cancel": "Workitem: a system asked to cancel it",
    "subscription.make": "Subscription: made",
    "subscription.end": "Subscription: ended",
    "letter.put_back": "Message to a system: put back to be sent",
    "system.add": "System: let in",
    "system.renew": "System: given another key, or more time",
    "system.disable": "System: shut out",
    "system.add_ae_title": "System: given an AE title",
    "system.remove_ae_title": "System: an AE title taken away",
    "access.begun": "Signed in, or given a token",
    "access.ended": "Signed out, or a token ended",
}
_LOOKED_AT: Final = {
    "study": "Looked at a study",
    "worklist": "Looked at a list",
    "session": "Looked at sessions",
    "assignments": "Looked at where reads stand",
    "quarantined_row": "Looked at rows in quarantine",
    "broken_row": "Looked at rows of a roster that were not understood",
}
ACTIONS: Final[Mapping[str, str]] = {
    **{f"read.{what}": words for what, words in _READ.items()},
    **{f"run.{what}": words for what, words in _RUN.items()},
    **{f"instruction.{what}": words for what, words in _INSTRUCTION.items()},
    **{f"draft.{what}": words for what, words in _DRAFT.items()},
    **_OTHERS,
    **{f"{kind}.looked_at": words for kind, words in _LOOKED_AT.items()},
}
_KINDS: Final = {
    "instruction": "Decision",
    "silence": "Silent feed",
    "feed_word": "Feed's word",
    "quarantined_row": "Row in quarantine",
    "letter": "Message",
    "caller": "Who calls",
}


def action_words(code: str) -> str:
    """Return what was done; of a code that this version does not know, the code itself in words."""
    return ACTIONS.get(code) or _spaced(code.replace(".", ": "))


def kind_words(code: str) -> str:
    """Return what kind of thing something was done to."""
    return _KINDS.get(code) or _spaced(code)


def state_words(code: str) -> str:
    """Return a state that something was or is in."""
    return code.replace("_", " ")


def _spaced(code: str) -> str:
    said = code.replace("_", " ")
    return f"{said[:1].upper()}{said[1:]}"
