"""What people have said a feed's words mean, and what came of saying so."""

from __future__ import annotations

from pydantic import Field

from balancer.api.models.shape import In, Instant, Out
from balancer.domain.feed_word import WordKind
from balancer.services.mend_rows import MendedRow, Mending, StillRow
from balancer.store.tables_feed_words import FeedWordRow


class FeedWordOut(Out):
    """A word of a feed's that means something because somebody has said so, beside the feed's description."""

    word_id: int = Field(examples=[3])
    feed: str = Field(examples=["RPA unreported studies"])
    kind: WordKind
    word: str = Field(examples=["XR BUNION"])
    meaning: str = Field(
        description="An examination of the catalogue, a class of the policy, or a site.", examples=["XFOOT"]
    )
    reason: str = Field(examples=["their new code since Monday"])
    said_by: str = Field(examples=["oidc:5f1d"])
    said_at: Instant

    @classmethod
    def of(cls, row: FeedWordRow) -> FeedWordOut:
        """Return a word as the API shows it."""
        shown = {name: getattr(row, name) for name in cls.model_fields if name != "word_id"}
        return cls(word_id=row.id or 0, **shown)


class MeaningIn(In):
    """What the word at fault in a row means. Which word that is, the row says."""

    meaning: str = Field(
        min_length=1,
        max_length=200,
        pattern=r"^[^\x00-\x1f]+$",
        description="An examination's code, a class of the policy, or a site's name.",
        examples=["XFOOT"],
    )
    reason: str = Field(
        min_length=1, max_length=500, pattern=r"^[^\x00-\x1f]+$", examples=["their new code since Monday"]
    )
    only_try: bool = Field(
        default=False,
        description="Do it on the live queue and undo it: the answer is what would come of it, and nothing changes.",
    )


class MendedRowOut(Out):
    """A row that could be taken, and the study it became."""

    row_id: int = Field(examples=[17])
    accession_number: str = Field(examples=["R1000123"])
    exam_code: str = Field(examples=["XFOOT"])
    priority: str = Field(examples=["urgent"])
    acquired_at: Instant
    due_at: Instant

    @classmethod
    def of(cls, row: MendedRow) -> MendedRowOut:
        """Return a row as the API shows it."""
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class StillRowOut(Out):
    """A row that still cannot be taken, and why not now."""

    row_id: int = Field(examples=[18])
    reason: str = Field(examples=["unknown_priority"])
    detail: str = Field(examples=["no class is called 'SOON'"])

    @classmethod
    def of(cls, row: StillRow) -> StillRowOut:
        """Return a row as the API shows it."""
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class MendingOut(Out):
    """What came of a word, or would: the feed's rows that are taken, those that end otherwise, those that stay."""

    feed: str = Field(examples=["RPA unreported studies"])
    only_tried: bool = Field(description="Nothing has changed.", examples=[False])
    batch_id: int | None = Field(description="Whose books these rows are in; `null` if none or tried.", examples=[12])
    taken: list[MendedRowOut]
    ended: int = Field(description="Left out by a rule, or overtaken by what is known.", examples=[0])
    still: list[StillRowOut]
    quarantined_before: int = Field(description="How many of the feed's rows waited.", examples=[4])
    quarantined_after: int = Field(examples=[1])

    @classmethod
    def of(cls, found: Mending, *, only_tried: bool) -> MendingOut:
        """Return what came of a word as the API shows it."""
        return cls(
            feed=found.feed,
            only_tried=only_tried,
            batch_id=None if only_tried else found.batch_id or None,
            taken=[MendedRowOut.of(row) for row in found.taken],
            ended=found.ended,
            still=[StillRowOut.of(row) for row in found.still],
            quarantined_before=found.quarantined_before,
            quarantined_after=found.quarantined_after,
        )
