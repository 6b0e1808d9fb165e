"""Which attributes of a workitem a search returns (PS3.18, 11.9.2)."""

from __future__ import annotations

from typing import Final

from pydicom.dataset import Dataset

from balancer.publish.ups.query import Query

# What is not returned unless it is asked for: what was done and said rather than what is to be done.
_ON_REQUEST: Final = frozenset(
    {
        "ProcedureStepProgressInformationSequence",
        "UnifiedProcedureStepPerformedProcedureSequence",
        "ScheduledProcessingParametersSequence",
        "CommentsOnTheScheduledProcedureStep",
    }
)
# Only what may hold the lock's secret is never returned, whoever asks.
_NEVER: Final = frozenset({"TransactionUID"})


def returned(dataset: Dataset, query: Query) -> Dataset:
    """Return what of a dataset is sent: the return keys, what was matched, and what was asked for.

    An attribute that was asked for by its path comes with its whole sequence.
    """
    wanted = {path[0] for path in (*query.keys, *query.include)}
    made = Dataset()
    for element in dataset:
        named = element.keyword
        if named not in _NEVER and (named not in _ON_REQUEST or query.include_all or named in wanted):
            made.add(element)
    return made


def unknown(dataset: Dataset, query: Query) -> bool:
    """Tell whether an attribute was asked for that no workitem here has."""
    return any(path[0] not in _KNOWN and path[0] not in dataset for path in query.include)


_KNOWN: Final = _ON_REQUEST | {"ReplacedProcedureStepSequence"}
