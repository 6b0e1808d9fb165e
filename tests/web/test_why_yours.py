"""Why a read is on somebody's list, in one sentence: what is read again says that before anything else."""

from __future__ import annotations

import pytest

from balancer.api.models.worklists import WhyMineOut
from balancer.domain.life import Again, ReadKind
from balancer.web.my_list import why_yours

FITS = WhyMineOut(skill_level=3, home_trust=True, reported_prior=False, again=None, read_before=False)


def said(kind: ReadKind = ReadKind.INTERPRETATION, **stated: object) -> str:
    """Return the sentence."""
    return why_yours(FITS.model_copy(update=stated), "head_neck", kind)


def test_what_speaks_for_its_reader_is_a_sentence() -> None:
    """It begins as one, whatever it begins with."""
    assert said() == "You are a head neck specialist, your own trust."
    assert said(skill_level=0) == "Head neck is no longer in your scope: return it, your own trust."
    assert said(ReadKind.VERIFICATION) == "You may verify reports of this kind."


@pytest.mark.parametrize(
    ("again", "words"),
    [
        (Again.LATE_IMAGES, "Images came after its report"),
        (Again.ASKED_AGAIN, "Addendum or correction asked for"),
        (Again.REOPENED, "A manager asks for it to be read again"),
        (Again.UNCONFIRMED, "Its hospital does not have the report"),
    ],
)
def test_what_is_read_again_says_why_and_whether_they_read_it_before(again: Again, words: str) -> None:
    """Whoever did not is told what else speaks for them, and not who did."""
    assert said(again=again, read_before=True) == f"{words}: you reported it before."
    assert said(again=again) == f"{words}: you are a head neck specialist, your own trust."
