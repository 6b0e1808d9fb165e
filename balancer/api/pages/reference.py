"""The API's reference, made from its own OpenAPI document, so that it says what the document says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from balancer.api.pages.layout import inline, prose, text

Document = Mapping[str, Any]
_METHODS = ("get", "post", "put", "patch", "delete")
_BASE = "http://127.0.0.1:8000"


def reference(document: Document, url: str) -> str:
    """Return the body of the reference page: every operation by subject, then every shape."""
    operations = list(_operations(document))
    parts = [
        prose(document["info"]["description"]),
        f'<p>For programs: <a href="{text(url)}">the OpenAPI document</a>, which this page is made from.</p>',
        _contents(document, operations),
    ]
    for tag in document["tags"]:
        parts.append(f'<h2 id="{text(tag["name"])}">{text(tag["name"].capitalize())}</h2>{prose(tag["description"])}')
        parts += [
            _operation(path, method, operation)
            for path, method, operation in operations
            if tag["name"] in operation["tags"]
        ]
    parts.append('<h2 id="shapes">Shapes</h2>')
    parts += [_shape(name, schema) for name, schema in sorted(document["components"]["schemas"].items())]
    parts.append('<script src="/static/try.js" defer></script>')
    return "\n".join(parts)


def _operations(document: Document) -> Iterable[tuple[str, str, Document]]:
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                yield path, method, item[method]


def _contents(document: Document, operations: list[tuple[str, str, Document]]) -> str:
    subjects = []
    for tag in document["tags"]:
        links = "".join(
            f'<li><a href="#{text(operation["operationId"])}"><code>{method.upper()} {text(path)}</code></a></li>'
            for path, method, operation in operations
            if tag["name"] in operation["tags"]
        )
        subjects.append(f'<li><a href="#{text(tag["name"])}">{text(tag["name"].capitalize())}</a><ul>{links}</ul></li>')
    return f'<nav aria-label="Operations"><ul class="contents">{"".join(subjects)}</ul></nav>'


def _operation(path: str, method: str, operation: Document) -> str:
    name = text(operation["operationId"])
    return f"""<section class="operation" aria-labelledby="{name}">
<h3 id="{name}"><span class="method {method}">{method.upper()}</span> <code>{text(path)}</code></h3>
{prose(operation.get("description", operation["summary"]))}
{_parameters(operation)}
{_body(operation)}
{_answers(operation)}
<pre class="curl" tabindex="0"><code>{text(_curl(path, method, operation))}</code></pre>
{_trial(path, operation) if method == "get" else ""}
</section>"""


def _parameters(operation: Document) -> str:
    rows = [
        (
            f"<code>{text(item['name'])}</code>",
            text(item["in"]) + ("" if item["required"] else ", optional"),
            _kind(item["schema"]),
            inline(item.get("description", "")),
        )
        for item in operation.get("parameters", ())
    ]
    return _table(("Parameter", "Where", "Kind", "Meaning"), rows) if rows else ""


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are HTML already; a narrow screen scrolls it by itself."""
    head = "".join(f'<th scope="col">{text(name)}</th>' for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{text(heads[0])}s"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _body(operation: Document) -> str:
    if "requestBody" not in operation:
        return ""
    return f"<p>Body: {_kind(operation['requestBody']['content']['application/json']['schema'])}</p>"


def _answers(operation: Document) -> str:
    items = []
    for status, answer in sorted(operation["responses"].items()):
        shapes = [_kind(content["schema"]) for content in answer.get("content", {}).values() if content.get("schema")]
        items.append(f"<li><strong>{text(status)}</strong> {inline(answer['description'])} {', '.join(shapes)}</li>")
    return f'<ul class="answers">{"".join(items)}</ul>'


def _curl(path: str, method: str, operation: Document) -> str:
    for item in operation.get("parameters", ()):
        if item["in"] == "path":
            path = path.replace(f"{{{item['name']}}}", str(item.get("example", item["name"].upper())))
    if method == "get":
        return f"curl {_BASE}{path}"
    return f"curl -X {method.upper()} {_BASE}{path} -H 'Content-Type: application/json' -d '{{...}}'"


def _trial(path: str, operation: Document) -> str:
    """Return a form that asks this very service; without scripts it stays hidden."""
    fields = "".join(
        f'<label>{text(item["name"])} <input name="{text(item["name"])}" data-in="{text(item["in"])}"'
        f"{' required' if item['required'] else ''}></label>"
        for item in operation.get("parameters", ())
        if item["in"] in {"path", "query"}
    )
    return (
        f'<form class="try" data-path="{text(path)}" hidden>{fields}<button type="submit">Try it</button>'
        '<pre tabindex="0" role="status" hidden></pre></form>'
    )


def _shape(name: str, schema: Document) -> str:
    rows = [
        (f"<code>{text(field)}</code>", _kind(kind), inline(kind.get("description", "")) + _example(kind))
        for field, kind in schema.get("properties", {}).items()
    ]
    described = _table(("Field", "Kind", "Meaning"), rows) if rows else f"<p>{_kind(schema)}</p>"
    heading = f'<h3 id="shape-{text(name)}"><code>{text(name)}</code></h3>'
    return f"{heading}{prose(schema.get('description', ''))}{described}"


def _kind(schema: Document) -> str:
    """Return what values a schema allows, in a few words."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return f'<a href="#shape-{text(name)}">{text(name)}</a>'
    if "anyOf" in schema:
        return " or ".join(_kind(option) for option in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(f"<code>{text(value)}</code>" for value in schema["enum"])
    if "const" in schema:
        return f"<code>{text(schema['const'])}</code>"
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    return text(schema.get("format", schema.get("type", "anything")))


def _example(schema: Document) -> str:
    if not schema.get("examples"):
        return ""
    return f' <span class="example">e.g. <code>{text(json.dumps(schema["examples"][0]))}</code></span>'
