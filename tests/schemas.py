"""Enough of JSON Schema and OpenAPI to hold documents, bodies and answers against each other."""

import gzip
import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

Json = dict[str, Any]


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from nodes(inner)


def resolved(document: Json, reference: str) -> Any:
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step]
    return found


def schema_faults(document: Json, value: object, schema: Json, path: str = "$") -> Iterator[str]:
    """Enough of JSON Schema for what the document uses; a word that is not known here is a fault of the test."""
    known = {"$ref", "anyOf", "type", "title", "description", "properties", "required", "items", "enum", "format"}
    known |= {"minimum", "maximum", "minLength", "maxLength", "pattern", "maxItems", "minItems", "default"}
    assert set(schema) <= known | {"propertyNames", "additionalProperties"}, schema
    if "$ref" in schema:
        yield from schema_faults(document, value, resolved(document, schema["$ref"]), path)
    if "anyOf" in schema and all(list(schema_faults(document, value, branch, path)) for branch in schema["anyOf"]):
        yield f"{path}: none of the forms"
    types: dict[str, Any] = {"string": str, "integer": int, "number": int | Decimal, "boolean": bool, "null": None}
    types = {**types, "array": list, "object": dict, "null": type(None)}
    wanted = schema.get("type")
    if wanted and (not isinstance(value, types[wanted]) or (isinstance(value, bool) and wanted != "boolean")):
        yield f"{path}: no {wanted}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of them"
    match value:
        case str():
            in_bounds = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", 10**9)
            if not in_bounds or not re.search(schema.get("pattern", ""), value):
                yield f"{path}: not of its form"
        case int() | Decimal() if not schema.get("minimum", value) <= value <= schema.get("maximum", value):
            yield f"{path}: out of bounds"
        case list():
            for place, inner in enumerate(value):
                yield from schema_faults(document, inner, schema.get("items", {}), f"{path}[{place}]")
        case dict():
            yield from (f"{path}: no {name}" for name in schema.get("required", ()) if name not in value)
            others = schema.get("additionalProperties", {})
            for name, inner in value.items():
                yield from schema_faults(
                    document, inner, schema.get("properties", {}).get(name, others), f"{path}.{name}"
                )


def operation_at(document: Json, method: str, path: str) -> Json | None:
    """The operation that a call is one of, if it is; `path` may have a query."""
    bare = path.partition("?")[0]
    for template, item in document["paths"].items():
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))
        if re.fullmatch(pattern, bare):
            found: Json | None = item.get(method.lower())
            return found
    return None


def answer_faults(document: Json, operation: Json, status: int, headers: Mapping[str, str], body: bytes) -> list[str]:
    """What an answer has that its operation does not describe, or lacks."""
    answer = operation["responses"].get(str(status))
    if answer is None:
        return [f"{status} is not described"]
    found = [
        f"no header {name}"
        for name, header in answer.get("headers", {}).items()
        if header["required"] and name not in headers
    ]
    if "content" not in answer:
        return [*found, *(["a body that is not described"] if body else [])]
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    [(media_type, content)] = answer["content"].items()
    if headers.get("content-type") != media_type:
        return [*found, f"content-type {headers.get('content-type')}"]
    value = json.loads(body, parse_float=Decimal)
    return [*found, *schema_faults(document, value, content["schema"]), *surplus(document, value, content["schema"])]


def surplus(document: Json, value: object, schema: Json, path: str = "$") -> Iterator[str]:
    """Members that no schema names: whoever reads the document does not know of them."""
    if "$ref" in schema:
        yield from surplus(document, value, resolved(document, schema["$ref"]), path)
    elif "anyOf" in schema:
        fits = [one for one in schema["anyOf"] if not list(schema_faults(document, value, one))]
        yield from surplus(document, value, fits[0], path) if fits else ()
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from surplus(document, inner, schema.get("items", {}), f"{path}[{place}]")
    elif isinstance(value, dict) and "properties" in schema:
        for name, inner in value.items():
            if name not in schema["properties"]:
                yield f"{path}.{name} is not described"
            else:
                yield from surplus(document, inner, schema["properties"][name], f"{path}.{name}")
