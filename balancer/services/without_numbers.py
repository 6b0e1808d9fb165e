"""What went wrong, in words that name no patient's study: a run is everybody's to see, whichever trust they are of."""

from __future__ import annotations

import re
from collections import Counter

from balancer.store.database import Session
from balancer.store.studies import named_in

# A shorter number could be any figure; beside its trust it is taken for one all the same.
_SHORTEST_ALONE = 4


def without_numbers(session: Session, text: str) -> str:
    """Return ``text`` with each accession number in it replaced by its study's internal number.

    One that stands alone and is of studies of several trusts becomes "a study".
    """
    studies = named_in(session, text)
    for study_id, trust, accession_number in studies:
        text = _replaced(text, rf"{re.escape(trust)}[ /]{re.escape(accession_number)}", f"study {study_id}")
    trusts = Counter(accession_number for _, _, accession_number in studies)
    for study_id, _, accession_number in studies:
        if len(accession_number) >= _SHORTEST_ALONE:
            name = f"study {study_id}" if trusts[accession_number] == 1 else "a study"
            text = _replaced(text, re.escape(accession_number), name)
    return text


def _replaced(text: str, pattern: str, name: str) -> str:
    return re.sub(rf"(?<!\w){pattern}(?!\w)", name, text)
