"""OpenAPI 3.1 from a protocol's written calls. What is special to one protocol is in its own folder's openapi.py."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from heard import limits

Json = dict[str, Any]

_FORM = "application/x-www-form-urlencoded"
_REF = "#/components/schemas/{name}"
_PROBLEM: Final = {"application/problem+json": {"schema": {"$ref": _REF.format(name="Problem")}}}
_PATH_PARAMETER = re.compile(r"\{(\w+)\}")
_PHRASES: Final = {
    200: "Answered",
    201: "Created",
    202: "Taken, and not yet decided",
    204: "Heard; there is nothing to say",
    304: "It is as it was",
}
_PROBLEMS: Final = {
    400: "The body is not well-formed JSON",
    401: "The token or the digest is missing, wrong or expired",
    402: "The payment was declined",
    403: "The token does not allow this, or names another organization",
    404: "What the path names is not known here",
    409: "It contradicts what is there",
    413: "The body is too large",
    415: "The media type is not supported",
    422: "The body does not say what is needed, or its totals do not add up",
    429: "Too many requests",
    503: "It cannot be served now",
}
_OF_A_BODY = frozenset({400, 413, 415, 422})
_LATER = frozenset({429, 503})
_SELDOM = frozenset({402})  # only where a call names it

# RFC 9457 with Heard's members: docs/reference/faults.md lists the codes.
_PROBLEM_SCHEMAS: Final[Json] = {
    "Problem": {
        "title": "Problem",
        "type": "object",
        "description": "Why a call could not be treated, after RFC 9457.",
        "properties": {
            "type": {"type": "string", "description": "/problems/ and the code"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "code": {"type": "string", "description": "Stable; for programs"},
            "retryable": {"type": "boolean", "description": "Whether the same call may go better another time"},
            "request_id": {"type": "string"},
            "errors": {"type": "array", "items": {"$ref": _REF.format(name="FieldError")}},
            "current": {"type": "string", "description": "How what was asked about stands now, where that is why"},
            "allowed": {"type": "array", "items": {"type": "string"}, "description": "What may be asked of it now"},
        },
        "required": ["type", "title", "status"],
    },
    "FieldError": {
        "title": "FieldError",
        "type": "object",
        "description": "One wrong place in a body.",
        "properties": {
            "path": {"type": "string", "description": "A JSON path such as $.order_details.menu_items[0].price"},
            "code": {"type": "string"},
            "message": {"type": "string"},
        },
        "required": ["path", "code", "message"],
    },
}


@dataclass(frozen=True, slots=True)
class Header:
    """A header of a request or an answer."""

    name: str
    description: str
    required: bool = False
    pattern: str | None = None

    @property
    def schema(self) -> Json:
        return {"type": "string", **({"pattern": self.pattern} if self.pattern else {})}


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter of a query, at most once. `schema` is that of its text."""

    name: str
    description: str
    required: bool = False
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


def paging(most: int, after: str, cursor: Mapping[str, Any]) -> tuple[Query, Query]:
    """The parameters of a listing that is read page by page. `after` says what goes there, `cursor` is its schema."""
    limit = Query("limit", "How many at most", schema={"type": "integer", "minimum": 1, "maximum": most})
    return limit, Query("after", after, schema=cursor)


@dataclass(frozen=True, slots=True)
class Described:
    """One call as a protocol describes it. `answers` maps a good status to the headers that come with it.

    `form`: its request is a form of these members instead of JSON. `minds_body`: it has no request, and minds what
    comes all the same. `faults`: statuses whose body is not a problem; `refusal`: what it is refused with in all other
    cases, if not with a problem. `ours`: we answer it, with problems where it
    fails. `security`: what it needs, any one of these; None: what all need. `calls_back` are calls the other way: a
    name, where they go (a runtime expression), and the call.
    """

    name: str
    method: str
    path: str
    summary: str
    request: type | None
    response: type | None
    answers: Mapping[int, tuple[Header, ...]]
    headers: tuple[Header, ...] = ()
    aliases: tuple[str, ...] = ()
    queries: tuple[Query, ...] = ()
    refusals: tuple[int, ...] = ()  # statuses that such a call would not have otherwise
    form: type | None = None
    form_or_json: bool = False  # the same members may come in JSON
    minds_body: bool = False
    faults: Mapping[int, type] = field(default_factory=dict)
    refusal: type | None = None
    ours: bool = True
    security: tuple[Mapping[str, Sequence[str]], ...] | None = None
    calls_back: tuple[tuple[str, str, "Described"], ...] = ()


@dataclass(frozen=True, slots=True)
class About:
    """What stands at the beginning of a document. `words` are the closed vocabularies: (schema, member) -> words."""

    title: str
    version: str
    description: str
    security: Mapping[str, Json]
    words: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    times: frozenset[str] = frozenset()  # members that hold a time, whatever their schema


def document(about: About, calls: Sequence[Described], webhooks: Sequence[Described] = ()) -> Json:
    """The whole document as plain values. `webhooks` go to wherever the caller of the others wants them."""
    told = {one.name: {one.method.lower(): _operation(one, "", "")} for one in webhooks}
    return {
        "openapi": "3.1.0",
        "info": {"title": about.title, "version": about.version, "description": about.description},
        "security": [{name: []} for name in about.security],
        "paths": _paths(calls),
        **({"webhooks": told} if told else {}),
        "components": {"schemas": _schemas(about, [*calls, *webhooks]), "securitySchemes": dict(about.security)},
    }


# --- paths ------------------------------------------------------------------------------------------------


def _paths(calls: Sequence[Described]) -> Json:
    """An alias is a path of its own with an id of its own: generated clients need both."""
    paths: Json = {}
    for call in calls:
        for number, path in enumerate((call.path, *call.aliases)):
            suffix = "" if number == 0 else f"_alias{number if number > 1 else ''}"
            paths.setdefault(path, {})[call.method.lower()] = _operation(call, path, suffix)
    return paths


def _operation(call: Described, path: str, suffix: str) -> Json:
    written: Json = {"operationId": call.name + suffix, "summary": call.summary, "deprecated": False}
    parameters = [
        *_path_parameters(path),
        *(_query_parameter(query) for query in call.queries),
        *(_parameter(header) for header in call.headers),
    ]
    if parameters:
        written["parameters"] = parameters
    if call.request is not None:
        written["requestBody"] = {"required": True, "content": _content(call.request)}
    if call.form is not None:
        as_json = _content(call.form) if call.form_or_json else {}
        written["requestBody"] = {"required": True, "content": _content(call.form, _FORM) | as_json}
    if call.security is not None:
        written["security"] = [{name: list(scopes) for name, scopes in one.items()} for one in call.security]
    written["responses"] = dict(_responses(call))
    if call.calls_back:
        written["callbacks"] = {
            name: {where: {back.method.lower(): _operation(back, "", suffix)}} for name, where, back in call.calls_back
        }
    return written


def _path_parameters(path: str) -> Iterator[Json]:
    for name in _PATH_PARAMETER.findall(path):
        schema = {"type": "string", "minLength": 1, "maxLength": limits.ID_MAX}
        yield {"name": name, "in": "path", "required": True, "schema": schema}


def _parameter(header: Header) -> Json:
    return {
        "name": header.name,
        "in": "header",
        "required": header.required,
        "description": header.description,
        "schema": header.schema,
    }


def _query_parameter(query: Query) -> Json:
    return {
        "name": query.name,
        "in": "query",
        "required": query.required,
        "description": query.description,
        "schema": dict(query.schema),
    }


def _responses(call: Described) -> Iterator[tuple[str, Json]]:
    for status, headers in call.answers.items():
        answer: Json = {"description": _PHRASES[status]}
        if headers:
            answer["headers"] = {header.name: _header(header) for header in headers}
        if call.response is not None and status not in (204, 304):
            answer["content"] = _content(call.response)
        yield str(status), answer
    for status, description in _PROBLEMS.items() if call.ours else ():
        if status in call.faults:
            yield str(status), {"description": description, "content": _content(call.faults[status])}
        elif _may_be(status, call):
            problem: Json = {"description": description}
            if status in _LATER:
                retry_after = Header("retry-after", "Seconds to wait before the same call is made again")
                problem["headers"] = {retry_after.name: _header(retry_after)}
            problem["content"] = _PROBLEM if call.refusal is None else _content(call.refusal)
            yield str(status), problem


def _may_be(status: int, call: Described) -> bool:
    """Whether a call may end so: what is wrong with a body needs one, and a query may be wrong too."""
    if call.form is not None:
        return status in (413, *_LATER, *call.refusals)
    minds_body = call.request is not None or call.minds_body
    if status in call.refusals:
        return True
    if status in _SELDOM:
        return False
    return minds_body or status not in _OF_A_BODY or (status == 422 and bool(call.queries))


def _header(header: Header) -> Json:
    return {"required": header.required, "description": header.description, "schema": header.schema}


def _content(type_: type, media_type: str = "application/json") -> Json:
    return {media_type: {"schema": {"$ref": _REF.format(name=type_.__name__)}}}


# --- schemas ----------------------------------------------------------------------------------------------


def _schemas(about: About, calls: Sequence[Described]) -> Json:
    everything = [*calls, *(back for call in calls for _, _, back in call.calls_back)]
    bodies = [
        body
        for call in everything
        for body in (call.request, call.form, call.response, call.refusal, *call.faults.values())
        if body is not None
    ]
    _, found = msgspec.json.schema_components(list(dict.fromkeys(bodies)), ref_template=_REF)
    schemas = {name: _without_null_defaults(_as_on_the_wire(schema)) for name, schema in sorted(found.items())}
    for (name, member), words in about.words.items():
        _text_branch(schemas[name]["properties"][member])["enum"] = list(words)
    for schema in schemas.values():
        for member in about.times & schema["properties"].keys():
            _text_branch(schema["properties"][member])["format"] = "date-time"
    return schemas if all(call.refusal for call in calls) else {**schemas, **_PROBLEM_SCHEMAS}


def _as_on_the_wire(schema: Any) -> Any:
    """An amount is a JSON number: msgspec's schema would have a Decimal as text."""
    match schema:
        case {"anyOf": list(branches), **rest} if {"type": "string", "format": "decimal"} in branches:
            kept = [
                one for one in branches if one not in ({"type": "string", "format": "decimal"}, {"type": "integer"})
            ]
            number = {"type": "number"}
            return {**({"anyOf": [number, *kept]} if kept else number), **rest}
        case dict():
            return {name: _as_on_the_wire(inner) for name, inner in schema.items()}
        case list():
            return [_as_on_the_wire(inner) for inner in schema]
        case _:
            return schema


def _without_null_defaults(schema: Json) -> Json:
    """That a member may be left out is told by its not being required."""
    properties = {
        name: {word: value for word, value in member.items() if word != "default" or value is not None}
        for name, member in schema["properties"].items()
    }
    return {**schema, "properties": properties}


def _text_branch(member: Json) -> Json:
    """Of a member that may be null, the schema of its text."""
    branches: list[Json] = member.get("anyOf", [member])
    return next(branch for branch in branches if branch.get("type") == "string")
