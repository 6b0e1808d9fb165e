"""Links that open a study in a trust's PACS, in the context of its patient, made from the trust's own template."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from balancer.domain.errors import InvalidValueError

FIELDS = ("accession_number", "local_patient_id", "study_instance_uid", "trust")
_EXPRESSION = re.compile(r"\{([^{}]*)\}")
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*", re.ASCII)
# What a browser would run, or take from somebody's own disk, instead of opening a PACS.
_REFUSED = frozenset({"javascript", "data", "vbscript", "blob", "file", "about"})


@dataclass(frozen=True, slots=True)
class PacsLink:
    """A URI template of level 1 (RFC 6570, 1.2): ``https://pacs.example/open?study={study_instance_uid}``.

    Raises
    ------
    InvalidValueError
        If it has no scheme or one that a browser would run, names what is not one of ``FIELDS``, or names none.
    """

    template: str

    def __post_init__(self) -> None:
        plain = _EXPRESSION.sub("x", self.template)
        if "{" in plain or "}" in plain or not plain.isascii() or re.search(r"[\s\x00-\x1f\x7f\"<>\\^`|]", plain):
            raise InvalidValueError("pacs_link", "is not a URI template")
        scheme = self.template.partition(":")[0].lower()
        if not _SCHEME.fullmatch(scheme) or scheme in _REFUSED:
            raise InvalidValueError("pacs_link", "must begin with https: or with the name of what opens the PACS")
        if "{" in urlsplit(self.template).netloc:
            raise InvalidValueError("pacs_link", "no value may say where the link leads")
        if not self.fields:
            raise InvalidValueError("pacs_link", f"names no study; it may name {', '.join(FIELDS)}")
        for field in self.fields - set(FIELDS):
            raise InvalidValueError("pacs_link", f"{{{field}}} is not one of {', '.join(FIELDS)}")

    @property
    def fields(self) -> frozenset[str]:
        """What the template names."""
        return frozenset(_EXPRESSION.findall(self.template))

    def to(self, **values: str | None) -> str | None:
        """Return the link to a study, every value percent-encoded (3.2.2); none if something it names is not known."""
        if any(not values.get(field) for field in self.fields):
            return None
        return _EXPRESSION.sub(
            lambda found: quote(str(values[found.group(1)]), safe="", errors="replace"), self.template
        )
