"""The OpenAPI document of posnext: whole, without loose ends, and true of the bytes that are kept."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from heard.domain.refusals import Code, FieldError, Refused
from heard.net.problems import problem
from heard.protocols.posnext import wire
from heard.protocols.posnext.openapi import posnext_document
from heard.protocols.posnext.operations import OPERATIONS, Host
from schemas import nodes, resolved, schema_faults

GOLDEN = Path(__file__).parent.parent / "golden"
DOCUMENT = posnext_document()
SCHEMAS = DOCUMENT["components"]["schemas"]
METHODS = {"get", "post", "put", "delete", "patch"}
PROBLEMS = {"400", "401", "403", "404", "409", "413", "415", "422", "429", "503"}


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Those of the callbacks too, whose path is an expression."""
    for path, item in DOCUMENT["paths"].items():
        assert set(item) <= METHODS
        for method, operation in item.items():
            yield path, method, operation
            for back in operation.get("callbacks", {}).values():
                for where, inner in back.items():
                    yield from ((where, verb, call) for verb, call in inner.items())


def faults(value: object, schema: dict[str, Any]) -> list[str]:
    return list(schema_faults(DOCUMENT, value, schema))


# --- its form ---------------------------------------------------------------------------------------------


def test_it_is_openapi_3_1_with_all_that_the_standard_requires() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    assert {"title", "version"} <= set(DOCUMENT["info"])
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT
    for _, _, operation in operations():
        assert operation["responses"]
        assert all(answer["description"] for answer in operation["responses"].values())
        for parameter in operation.get("parameters", ()):
            assert {"name", "in", "schema"} <= set(parameter)
            assert parameter["in"] in ("path", "header")


def test_every_reference_leads_somewhere_and_every_schema_is_used() -> None:
    references = {node["$ref"] for node in nodes(DOCUMENT) if "$ref" in node}
    assert all(isinstance(resolved(DOCUMENT, reference), dict) for reference in references)
    assert {reference.rpartition("/")[2] for reference in references} == set(SCHEMAS)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in SCHEMAS)


def test_operation_ids_are_unique() -> None:
    counted = Counter(operation["operationId"] for _, _, operation in operations())
    assert set(counted.values()) == {1}
    assert {"validate", "validate_alias", "submit", "submit_alias", "callback", "callback_alias"} <= set(counted)


def test_every_parameter_of_a_path_is_declared_and_no_other() -> None:
    for path, _, operation in operations():
        if path.startswith("/"):
            in_path = [one for one in operation.get("parameters", ()) if one["in"] == "path"]
            assert [one["name"] for one in in_path] == re.findall(r"\{(\w+)\}", path)
            assert all(one["required"] is True for one in in_path)


def test_every_security_scheme_is_there_and_is_a_bearer_token() -> None:
    (needed,) = DOCUMENT["security"]
    schemes = DOCUMENT["components"]["securitySchemes"]
    assert set(needed) == set(schemes)
    assert all(
        (one["type"], one["scheme"], one["bearerFormat"]) == ("http", "bearer", "JWT") for one in schemes.values()
    )


# --- what it says of posnext ------------------------------------------------------------------------------


def test_it_holds_every_call_of_the_table_under_every_path() -> None:
    expected = {
        (path, call.method.lower())
        for call in OPERATIONS
        if call.host is Host.POS
        for path in (call.path, *call.aliases)
    }
    assert {(path, method) for path, item in DOCUMENT["paths"].items() for method in item} == expected
    assert not any(operation["deprecated"] for _, _, operation in operations())
    summaries = {
        operation["operationId"].partition("_alias")[0]: operation["summary"] for *_, operation in operations()
    }
    assert summaries == {call.name: call.summary for call in OPERATIONS}


def test_good_answers_and_problems_are_those_of_the_table() -> None:
    successes = {call.name: {str(status) for status in call.success} for call in OPERATIONS}
    for _, _, operation in operations():
        good = {status for status in operation["responses"] if status < "400"}
        assert good == successes[operation["operationId"].partition("_alias")[0]]
        bad = set(operation["responses"]) - good
        assert bad == (PROBLEMS if "requestBody" in operation else PROBLEMS - {"400", "413", "415", "422"})
        for status in bad:
            assert list(operation["responses"][status]["content"]) == ["application/problem+json"]


@pytest.mark.parametrize(
    ("name", "asked", "answered"),
    [
        ("validate", True, True),
        ("submit_alias", True, True),
        ("cancel", True, True),
        ("status", False, True),
        ("menus", False, False),
        ("callback", True, None),
    ],
)
def test_the_digest_stands_where_messages_are_signed(name: str, asked: bool, answered: bool | None) -> None:
    operation = next(one for _, _, one in operations() if one["operationId"] == name)
    header = [one for one in operation.get("parameters", ()) if one["name"] == "x-pch-digest"]
    assert [one["required"] for one in header] == ([True] if asked else [])
    for status in {"200", "202"} & set(operation["responses"]):
        assert operation["responses"][status]["headers"]["x-pch-digest"]["required"] is answered


def test_amounts_are_numbers() -> None:
    structs = [one for one in vars(wire).values() if isinstance(one, type) and issubclass(one, msgspec.Struct)]
    amounts = [
        (struct.__name__, member.name)
        for struct in structs
        for member in msgspec.structs.fields(struct)
        if "Decimal" in str(member.type)
    ]
    assert ("Product", "price") in amounts
    assert ("AnswerDetails", "total") in amounts
    for schema, name in amounts:
        member = SCHEMAS[schema]["properties"][name]
        assert {"type": "number"} in member.get("anyOf", [member]), (schema, name)
    assert "decimal" not in [node.get("format") for node in nodes(SCHEMAS)]


SCHEMA_OF = {
    "validate": "OrderRequest",
    "validated": "OrderAnswer",
    "submit": "OrderRequest",
    "cancel": "CancelRequest",
    "menu": "MenuDocument",
    "menu_request": "MenuRequest",
}
BODIES = sorted(file for file in (GOLDEN / "posnext").glob("*.json") if file.stem not in ("digests", "vectors"))


def schema_of(file: Path) -> dict[str, Any]:
    stem = re.sub(r"(_now)?(_minor|_decimal)?$", "", file.stem)
    found: dict[str, Any] = SCHEMAS[SCHEMA_OF.get(stem, "OrderAnswer")]
    return found


@pytest.mark.parametrize("file", BODIES, ids=lambda file: file.stem)
def test_a_golden_body_is_what_its_schema_says(file: Path) -> None:
    body = json.loads(file.read_bytes(), parse_float=Decimal)
    assert faults(body, schema_of(file)) == []
    for name in schema_of(file)["required"]:
        assert faults({**body, name: {}}, schema_of(file))
        assert faults({key: value for key, value in body.items() if key != name}, schema_of(file))


def test_a_wrong_word_is_not_what_the_schema_says() -> None:
    body = json.loads((GOLDEN / "posnext" / "placed_minor.json").read_bytes())
    for name, word in (("status", "accepted"), ("fulfillment_status", "eaten"), ("request_uid", "a|b")):
        assert faults({**body, name: word}, SCHEMAS["OrderAnswer"])
    assert faults({**body, "fulfillment_status": None}, SCHEMAS["OrderAnswer"]) == []


def test_a_problem_of_the_house_is_what_its_schema_says() -> None:
    for code in Code:
        refused = Refused(code, "no", FieldError("$", "c", "m"), current="READY", allowed=("complete",))
        _, _, raw = problem(refused, "req_1")
        body = json.loads(raw)
        assert faults(body, SCHEMAS["Problem"]) == []
        assert set(body) == set(SCHEMAS["Problem"]["properties"])
