"""The sample's patients: NHS numbers of the test range, and each trust's own numbers. Nobody has a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

# Numbers from 999 on are set aside for tests: nobody ever has one.
_TEST_RANGE = "999"
_MODULUS = 11
_IMPOSSIBLE = 10
_LOCAL = {"RVV": ("EK", 6), "RWF": ("M", 7), "RPA": ("", 7)}


def check_digit(first_nine: str) -> int:
    """Return the tenth digit of an NHS number; 10 means that no number starts with these nine."""
    weighted = sum(int(digit) * weight for digit, weight in zip(first_nine, range(10, 1, -1), strict=True))
    return (_MODULUS - weighted % _MODULUS) % _MODULUS


@dataclass(slots=True, kw_only=True)
class Patient:
    """One person: an NHS number, unless nobody found it, and a number in each trust the person has been to."""

    nhs_number: str
    local: dict[str, str] = field(default_factory=dict)


class Register:
    """Draws people; no two share a number, and ``again`` gives somebody who has been seen before."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._used: set[str] = set()
        self.people: list[Patient] = []

    def new(self, *, traced: bool) -> Patient:
        """Return a person not seen before; one who is not traced has no NHS number."""
        patient = Patient(nhs_number=self._nhs_number() if traced else "")
        self.people.append(patient)
        return patient

    def again(self, trust: str, *, elsewhere: bool) -> Patient | None:
        """Return somebody traced who has been to ``trust``, or who has only been elsewhere; ``None`` if none is found.

        A few tries are enough: when the register is still nearly empty, a new patient does as well.
        """
        for _ in range(20):
            if not self.people:
                return None
            patient = self.people[int(self._rng.integers(len(self.people)))]
            if patient.nhs_number and (trust in patient.local) != elsewhere:
                return patient
        return None

    def local_number(self, patient: Patient, trust: str) -> str:
        """Return the trust's own number of this person, given at the first visit."""
        if trust not in patient.local:
            prefix, digits = _LOCAL[trust]
            patient.local[trust] = self._fresh(lambda: f"{prefix}{self._rng.integers(10**digits):0{digits}d}", trust)
        return patient.local[trust]

    def _nhs_number(self) -> str:
        def draw() -> str:
            while True:
                first = f"{_TEST_RANGE}{self._rng.integers(10**6):06d}"
                if (digit := check_digit(first)) != _IMPOSSIBLE:
                    return f"{first}{digit}"

        return self._fresh(draw, "NHS")

    def _fresh(self, draw: Callable[[], str], scope: str) -> str:
        while f"{scope} {(number := draw())}" in self._used:
            continue
        self._used.add(f"{scope} {number}")
        return number
