"""The Native DICOM Model in XML (PS3.19, A.1), which says the same as the JSON model in other words."""

from __future__ import annotations

from typing import Any, Final
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset

from balancer.domain.errors import InvalidValueError
from balancer.publish.ups.json_model import MOST_DEPTH, dataset_in, model_of, require_few

MEDIA_TYPE: Final = "application/dicom+xml"
NAMESPACE: Final = "http://dicom.nema.org/PS3.19/models/NativeDICOM"
_GROUPS: Final = ("Alphabetic", "Ideographic", "Phonetic")
_PARTS: Final = ("FamilyName", "GivenName", "MiddleName", "NamePrefix", "NameSuffix")
# An empty value is not written, and its number is missing. A number may not stand for thousands of them.
_MOST_MISSING: Final = 16
_NUMBERS: Final = frozenset(["FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"])


def xml_bytes(dataset: Dataset) -> bytes:
    """Return a dataset as an XML document."""
    root = Element("NativeDicomModel", {"xmlns": NAMESPACE, "xml:space": "preserve"})
    _write(root, model_of(dataset))
    found: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return found


def dataset_in_xml(body: bytes) -> Dataset:
    """Return the dataset of an XML document.

    Raises
    ------
    InvalidValueError
        If it is none, or declares a document type or entities: nothing a client sends is expanded or fetched.
    """
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError, RecursionError) as error:
        raise InvalidValueError("body", "is not XML, or declares a document type or entities") from error
    if _name(root) != "NativeDicomModel":
        raise InvalidValueError("body", "is not a NativeDicomModel")
    model = _read(root, 0)
    require_few(model)
    return dataset_in(model)


def _write(parent: Element, model: dict[str, Any]) -> None:
    for tag, element in sorted(model.items()):
        named = {"tag": tag, "vr": element["vr"]}
        keyword = keyword_for_tag(int(tag, 16))
        attribute = SubElement(parent, "DicomAttribute", named | ({"keyword": keyword} if keyword else {}))
        if "InlineBinary" in element:
            SubElement(attribute, "InlineBinary").text = element["InlineBinary"]
        for number, value in enumerate(element.get("Value", ()), start=1):
            _write_value(attribute, element["vr"], str(number), value)


def _write_value(attribute: Element, vr: str, number: str, value: Any) -> None:
    if vr == "SQ":
        _write(SubElement(attribute, "Item", number=number), value or {})
    elif vr == "PN":
        person = SubElement(attribute, "PersonName", number=number)
        for group in (name for name in _GROUPS if (value or {}).get(name)):
            within = SubElement(person, group)
            for part, said in zip(_PARTS, value[group].split("^"), strict=False):
                if said:
                    SubElement(within, part).text = said
    elif value is not None:
        SubElement(attribute, "Value", number=number).text = str(value)


def _read(parent: Element, depth: int) -> dict[str, Any]:
    if depth > MOST_DEPTH:
        raise InvalidValueError("body", f"is nested more than {MOST_DEPTH} deep")
    model: dict[str, Any] = {}
    for attribute in parent:
        tag = attribute.get("tag", "").upper()
        if _name(attribute) != "DicomAttribute" or tag in model:
            raise InvalidValueError("body", "holds what is no attribute, or one twice")
        vr = attribute.get("vr", "")
        model[tag] = {"vr": vr}
        values = _values(attribute, vr, depth)
        if values:
            model[tag]["Value"] = values
        if (inline := next((child for child in attribute if _name(child) == "InlineBinary"), None)) is not None:
            model[tag]["InlineBinary"] = inline.text or ""
    return model


def _values(attribute: Element, vr: str, depth: int) -> list[Any]:
    found: dict[int, Any] = {}
    for child in attribute:
        name = _name(child)
        if name == "InlineBinary":
            continue
        expected = {"SQ": "Item", "PN": "PersonName"}.get(vr, "Value")
        number = child.get("number", "")
        if name != expected or not number.isascii() or not number.isdigit() or len(number) > 6 or int(number) in found:
            raise InvalidValueError("body", "holds a value that is not one of its VR, or is not numbered")
        found[int(number)] = _value(child, vr, depth)
    if found and not (min(found) >= 1 and max(found) <= len(found) + _MOST_MISSING):
        raise InvalidValueError("body", "numbers a value too high, or from 0")
    return [found.get(number) for number in range(1, max(found, default=0) + 1)]


def _value(child: Element, vr: str, depth: int) -> Any:
    if vr == "SQ":
        return _read(child, depth + 1)
    if vr == "PN":
        return {_name(group): _joined(group) for group in child}
    text = child.text or ""
    if vr in _NUMBERS:
        try:
            return float(text) if vr in {"FD", "FL"} else int(text)
        except ValueError as error:
            raise InvalidValueError("body", "holds a number that is none") from error
    return text


def _joined(group: Element) -> str:
    said = {_name(part): part.text or "" for part in group}
    if not said.keys() <= set(_PARTS):
        raise InvalidValueError("body", "holds a name with a part that names have not")
    return "^".join(said.get(part, "") for part in _PARTS).rstrip("^")


def _name(element: Element) -> str:
    return str(element.tag).removeprefix(f"{{{NAMESPACE}}}")
