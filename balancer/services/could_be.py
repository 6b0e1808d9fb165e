"""Whether a row that could not be read might be a certain study.

A snapshot says by silence that a study has been reported. A row in quarantine breaks the silence: it stands for some
study that still waits, and until a person has mended it that study must not disappear.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from balancer.domain.feed import QuarantinedRow
from balancer.domain.study import StudyKey

_WORD = re.compile(r"\w+(?:[-/.]\w+)*")


class Suspects:
    """The quarantined rows of one batch, asked about one study after the other.

    A row that names its study could be that study and no other. A row that does not could be any study whose accession
    number, or whose patient's number at the trust, stands in one of its cells, alone or as a word, whatever the case.
    A row in which neither can be read (a line of totals, a heading in mid-file) is no evidence about any study in
    particular; if such rows were taken to be anything, one footer would keep every reported study on the lists.
    """

    def __init__(self, rows: Iterable[QuarantinedRow]) -> None:
        self._keys: set[StudyKey] = set()
        self._words: set[str] = set()
        for row in rows:
            if row.key is not None and row.key.accession_number:
                self._keys.add(row.key)
            else:
                self._words.update(word for cell in row.row.raw.values() for word in _words(cell))

    def include(self, key: StudyKey, local_patient_id: str) -> bool:
        """Tell whether one of the rows could be the study ``key`` of the patient ``local_patient_id``."""
        if key in self._keys:
            return True
        # a study without a patient's number is not named by an empty cell: no empty word is kept
        names = {key.accession_number.strip().casefold(), local_patient_id.strip().casefold()}
        return not names.isdisjoint(self._words)


def _words(cell: str) -> set[str]:
    folded = cell.strip().casefold()
    return {folded, *_WORD.findall(folded)} - {""}
