"""The description of a feed, ``feeds/RVV.toml``: a new trust is a new file and no code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from balancer.domain.errors import Fault, InputRefusedError
from balancer.domain.feed import FeedKind
from balancer.ingest.file_format import Source, Stamp, read_drop, read_format, read_stamp, read_zone
from balancer.ingest.fold import folded
from balancer.ingest.toml_section import Section, TomlFile

REQUIRED = ("accession_number", "priority", "acquired_at")
OPTIONAL = (
    "nhs_number",
    "local_patient_id",
    "exam",
    "exam_name",
    "patient_setting",
    "site",
    "ready_at",
    "due_at",
    "first_reader",
    "prior_reporter",
    "study_instance_uid",
    "status",
)
DATES = ("acquired_at", "ready_at", "due_at")
# The subspecialty of every examination of a child, whatever the catalogue says.
PAEDIATRIC = "paediatric"

# "A batch that would withdraw more than a tenth of the feed's open studies withdraws nothing."
MOST_WITHDRAWN = 0.1
_MOST_MINUTES = 10_080
_OLDEST_CHILD = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamRules:
    """How a feed names examinations: its own codes, what stands before a name, whether names are cut short.

    ``codes`` is keyed by the folded code, ``names`` (what people have said names mean) by the folded name without its
    site; ``site_prefixes`` are folded.
    """

    codes: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    site_prefixes: tuple[str, ...] = ()
    truncated_names: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludeRule:
    """What is left out of the queue by name: any one condition is enough; all but ``modalities`` are folded.

    ``approver``: who answers for it, by name; empty if the description does not say.
    """

    rule: str
    approver: str = ""
    modalities: frozenset[str] = frozenset()
    exam_prefixes: tuple[str, ...] = ()
    name_prefixes: tuple[str, ...] = ()
    statuses: frozenset[str] = frozenset()

    @property
    def said(self) -> str:
        """What is kept with whatever it leaves out: its name, and who approved it."""
        return f"{self.rule} (approved by {self.approver})" if self.approver else self.rule


@dataclass(frozen=True, slots=True, kw_only=True)
class Paediatric:
    """Who is a child: younger than ``under_years`` on the day of the examination, by the column of birth dates."""

    under_years: int
    column: str
    date_formats: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedDescription(Source):
    """One feed of studies. Keys of ``priorities``, ``settings`` and ``sites`` are folded; ``priority_words`` are not.

    ``columns`` maps our word to the headings that hold it (several are joined by a blank: a date and a time).
    ``sites`` is empty if every name is taken as it stands. ``never_keep`` are headings whose cells go no further.
    ``most_withdrawn``: the share of the feed's open studies that one file may withdraw by itself.
    """

    kind: FeedKind
    stale_after_minutes: float
    extracted_at: Stamp | None
    date_formats: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    priorities: Mapping[str, str]
    priority_words: tuple[str, ...] = ()
    exam: ExamRules = ExamRules()
    excludes: tuple[ExcludeRule, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    sites: Mapping[str, str] = field(default_factory=dict)
    paediatric: Paediatric | None = None
    never_keep: tuple[str, ...] = ()
    most_withdrawn: float = MOST_WITHDRAWN

    @property
    def refresh_minutes(self) -> float:
        """How often to look for a new file."""
        return self.drop.refresh_minutes

    @property
    def stale_after(self) -> timedelta:
        """How old the newest extract may grow before the feed is shown as stale."""
        return timedelta(minutes=self.stale_after_minutes)


def read_feed(path: Path) -> FeedDescription:
    """Return the feed that ``path`` describes.

    Raises
    ------
    InputRefusedError
        With every fault: file, key, line, reason.
    """
    faults: list[Fault] = []
    feed = _read(TomlFile(path, faults, file=f"{path.parent.name}/{path.name}"), path)
    if faults or feed is None:
        raise InputRefusedError(sorted(faults, key=lambda fault: fault.line or 0))
    return feed


def _read(file: TomlFile, path: Path) -> FeedDescription | None:
    if not file.readable:
        return None
    top = file.top
    top.text("label", default="-")
    layout = top.section("format", required=True)
    time, columns = top.section("time"), top.section("columns", required=True)
    exam = top.section("exam")
    return FeedDescription(
        name=top.text("name"),
        trust=top.text("trust"),
        kind=FeedKind(top.choice("kind", [kind.value for kind in FeedKind])),
        drop=read_drop(top, path),
        stale_after_minutes=top.number("stale_after_minutes", most=_MOST_MINUTES, default=60.0),
        format=read_format(layout),
        extracted_at=read_stamp(top.section("extracted_at")) if "extracted_at" in top else None,
        zone=read_zone(time),
        date_formats=time.date_formats("date_format"),
        columns=_columns(columns),
        never_keep=columns.texts("never_keep", default=()),
        priorities=folded_words(top, "priority", required=True),
        priority_words=tuple(top.section("priority").values),
        exam=ExamRules(
            codes=folded_words(exam, "codes"),
            site_prefixes=tuple(folded(text) for text in exam.texts("site_prefixes", default=())),
            truncated_names=exam.flag("truncated_names", default=False),
        ),
        excludes=tuple(_exclude(block) for block in top.sections("exclude")),
        settings=folded_words(top, "patient_setting"),
        sites=folded_words(top, "site"),
        paediatric=_paediatric(top),
        most_withdrawn=top.number("most_withdrawn", most=1.0, default=MOST_WITHDRAWN),
        warnings=file.unknown_keys(),  # last: by now every key has been asked for
    )


def _columns(section: Section) -> dict[str, tuple[str, ...]]:
    """Return the headings by our word; a column of ours that nobody maps is not there."""
    found = {name: section.texts(name) for name in REQUIRED}
    found |= {name: section.texts(name) for name in OPTIONAL if name in section}
    if "exam" not in found and "exam_name" not in found:
        section.fault("exam", "either exam or exam_name must be given")
    for name, headings in found.items():
        if len(headings) > 1 and name not in DATES:
            section.fault(name, "only a date may be put together from several columns")
    return {name: headings for name, headings in found.items() if headings}


def folded_words(section: Section, key: str, *, required: bool = False) -> dict[str, str]:
    """Return a table of words by the folded word; two that fold to the same must mean the same."""
    table: dict[str, str] = {}
    for word, meaning in section.words(key, required=required).items():
        if table.setdefault(folded(word), meaning) != meaning:
            section.fault(key, f"{word!r} stands twice with different meanings (capitals and blanks do not count)")
    return table


def _exclude(block: Section) -> ExcludeRule:
    conditions = ("modality", "exam_prefix", "name_prefix", "status")
    given = {name: block.texts(name, default=()) for name in conditions}
    if not any(given.values()):
        block.fault("", f"a rule needs one of {', '.join(conditions)}")
    return ExcludeRule(
        rule=block.text("rule"),
        approver=block.text("approver", default=""),
        modalities=frozenset(given["modality"]),
        exam_prefixes=tuple(folded(text) for text in given["exam_prefix"]),
        # a blank at the end of a prefix is meant: "MP " is not the beginning of "MPS"
        name_prefixes=tuple(text.casefold() for text in given["name_prefix"]),
        statuses=frozenset(folded(text) for text in given["status"]),
    )


def _paediatric(top: Section) -> Paediatric | None:
    if "paediatric" not in top:
        return None
    section = top.section("paediatric")
    return Paediatric(
        under_years=section.whole("under_years", most=_OLDEST_CHILD, default=16),
        column=section.text("date_of_birth"),
        date_formats=section.date_formats("date_format"),
    )
