"""What all shapes on the wire share: instants in UTC, lists in an envelope, pages with a cursor."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from balancer.domain.instant import require_aware

Item = TypeVar("Item", bound=BaseModel)
# A database cannot hold NUL; no code or name is longer.
PATTERN = r"^[^\x00-\x1f]*$"
MOST_CHARACTERS = 200


def _in_utc(instant: datetime) -> datetime:
    return instant if instant.tzinfo is UTC else require_aware(instant, "instant").astimezone(UTC)


Instant = Annotated[
    datetime,
    AfterValidator(_in_utc),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-03-02T08:00:00Z"]}),
]


class Out(BaseModel):
    """A shape that the API sends; every field is always there, ``null`` where it is not known."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class In(BaseModel):
    """A shape that the API takes; a field it does not know is refused, so that a typing error is noticed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ListOut(Out, Generic[Item]):
    """A list, whole unless it says how it goes on."""

    items: list[Item]
    next_cursor: str | None = Field(
        default=None,
        description="Where the list is asked for in pages: give this as `cursor` to get the next; else `null`.",
        examples=[None],
    )

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """Return a name that reads well in a generated client: a list of `FeedOut` is a `FeedListOut`."""
        return str(params[0].__name__).removesuffix("Out") + "ListOut"


class PageOut(Out, Generic[Item]):
    """A part of a long list."""

    items: list[Item]
    total: int = Field(description="How many there are on all pages together.", examples=[5412])
    next_cursor: str | None = Field(
        description="Give this as `cursor` to get the next page; `null` on the last one.", examples=[None]
    )

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """Return a name that reads well in a generated client: a page of `StudyOut` is a `StudyPageOut`."""
        return str(params[0].__name__).removesuffix("Out") + "PageOut"
