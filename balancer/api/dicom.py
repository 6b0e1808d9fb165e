"""How DICOM payloads come and go over HTTP (PS3.18, chapter 8): media types, multipart bodies, Warning headers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email import message_from_bytes
from email.message import MIMEPart
from email.policy import HTTP
from secrets import token_hex
from typing import Final

from fastapi import Request, Response
from pydicom.dataset import Dataset
from starlette.concurrency import run_in_threadpool

from balancer.domain.errors import InvalidValueError
from balancer.publish.ups import json_model, native_xml

JSON: Final = json_model.MEDIA_TYPE
XML: Final = native_xml.MEDIA_TYPE
_JSON: Final = frozenset({JSON, "application/json"})
_RELATED: Final = "multipart/related"
_SERVICE: Final = "balancer"


@dataclass(frozen=True, slots=True)
class MediaTypeError(Exception):
    """What was sent, or may be sent back, is in no form that this service has."""

    of_answer: bool


def warning(text: str) -> str:
    """Return the value of a Warning header (RFC 7234, 5.5) in the standard's own words."""
    return f"299 {_SERVICE}: {text}"


def media_type(request: Request) -> str:
    """Return in which form an answer is to be: JSON unless only XML will do.

    Raises
    ------
    MediaTypeError
        If neither will.
    """
    said = request.query_params.get("accept") or request.headers.get("accept") or "*/*"
    ranges = [_parsed(part) for part in _parts(said)]
    usable = [(quality, -place, kind) for place, (kind, quality) in enumerate(ranges) if kind and quality > 0]
    if not usable:
        raise MediaTypeError(of_answer=True)
    return max(usable)[2]


def _parts(header: str) -> Iterable[str]:
    """Yield the parts of a list at commas that stand in no quotation marks."""
    part, quoted = "", False
    for letter in header:
        quoted ^= letter == '"'
        if letter == "," and not quoted:
            yield part
            part = ""
        else:
            part += letter
    yield part


def _parsed(text: str) -> tuple[str, float]:
    """Return the form that a media range means here, empty if none, and how much it is wanted."""
    kind, *parameters = (part.strip() for part in text.split(";"))
    given = {
        name.strip().lower(): value.strip().strip('"') for name, _, value in (p.partition("=") for p in parameters)
    }
    try:
        quality = float(given.get("q", "1"))
    except ValueError:
        quality = 0.0
    named = kind.lower()
    if named in _JSON | {"*/*", "application/*"}:
        return JSON, quality
    related = named in {_RELATED, "multipart/*"} and given.get("type", XML).lower() == XML
    return (XML if related or named == XML else ""), quality


def payload(datasets: Sequence[Dataset], kind: str, status: int, warnings: Sequence[str] = ()) -> Response:
    """Return datasets as an answer: a JSON array, or a part of XML for each."""
    if kind == JSON:
        answer = Response(json_model.json_bytes(datasets), status, media_type=JSON)
    else:
        boundary = token_hex(16)
        head = f"--{boundary}\r\nContent-Type: {XML}\r\n\r\n".encode()
        parts = b"".join(head + native_xml.xml_bytes(dataset) + b"\r\n" for dataset in datasets)
        related = f'{_RELATED}; type="{XML}"; boundary={boundary}'
        answer = Response(parts + f"--{boundary}--\r\n".encode(), status, {"content-type": related})
    return warned(answer, warnings)


def warned(answer: Response, warnings: Iterable[str]) -> Response:
    """Add a Warning header for each warning, and return the answer."""
    for text in warnings:
        answer.headers.append("Warning", warning(text))
    return answer


async def dataset_sent(request: Request, *, may_be_empty: bool = False) -> Dataset:
    """Return the one dataset of a request's body.

    Raises
    ------
    MediaTypeError
        If the body is in no form that this service reads.
    InvalidValueError
        If there is none, or are several, or it is not one.
    """
    body, kind = await request.body(), request.headers.get("content-type", "")
    if may_be_empty and not body.strip():
        return Dataset()
    return await run_in_threadpool(_dataset_in, body, kind)  # pydicom takes its time, and others are to be answered


def _dataset_in(body: bytes, kind: str) -> Dataset:
    named = kind.partition(";")[0].strip().lower()
    if named in _JSON or not named:
        found = json_model.datasets_in(body)
    elif named == XML:
        found = [native_xml.dataset_in_xml(body)]
    elif named == _RELATED:
        found = [_of_part(part_kind, content) for part_kind, content in _related(kind, body)]
    else:
        raise MediaTypeError(of_answer=False)
    if len(found) != 1:
        raise InvalidValueError("body", f"holds {len(found)} datasets, and one is needed")
    return found[0]


def _of_part(kind: str, content: bytes) -> Dataset:
    if kind == XML:
        return native_xml.dataset_in_xml(content)
    found = json_model.datasets_in(content) if kind in _JSON else []
    if len(found) != 1:
        raise InvalidValueError("body", "has a part that is no dataset")
    return found[0]


def _related(kind: str, body: bytes) -> list[tuple[str, bytes]]:
    """Return the parts of a multipart body, each with its media type."""
    try:
        head = f"Content-Type: {kind}\r\n\r\n".encode("latin-1")
        message = message_from_bytes(head + body, policy=HTTP)
        parts = list(message.iter_parts()) if message.is_multipart() else []
        return [(part.get_content_type(), _content(part)) for part in parts]
    except Exception as error:
        raise InvalidValueError("body", "is not in parts as it says") from error


def _content(part: MIMEPart) -> bytes:
    """Return the bytes of a part; a part in parts has none of its own."""
    found = part.get_payload(decode=True)
    return found if isinstance(found, bytes) else b""
