"""The OpenAPI documents of what the hub serves: whole, without loose ends, and all of what the tables say."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from heard import limits
from heard.protocols.admin import operations as admin
from heard.protocols.admin.auth import SCOPES as KEY_SCOPES
from heard.protocols.admin.openapi import admin_document
from heard.protocols.link import operations as link
from heard.protocols.link.auth import SCOPES
from heard.protocols.link.openapi import link_document
from heard.protocols.ordering import operations as ordering
from heard.protocols.ordering.auth import SCOPES as ORDERING_SCOPES
from heard.protocols.ordering.openapi import ordering_document
from schemas import answer_faults, nodes, operation_at, resolved, schema_faults, surplus

DOCUMENTS = {
    "link": (link_document(), link.OPERATIONS),
    "admin": (admin_document(), admin.OPERATIONS),
    "ordering": (ordering_document(), ordering.OPERATIONS),
}
EVERY = pytest.mark.parametrize(("document", "table"), list(DOCUMENTS.values()), ids=list(DOCUMENTS))


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        yield from ((path, method, operation) for method, operation in item.items())


@EVERY
def test_it_is_openapi_3_1_with_all_that_the_standard_requires(document: Any, table: Any) -> None:
    assert document["openapi"] == "3.1.0"
    assert {"title", "version", "description"} <= set(document["info"])
    assert json.loads(json.dumps(document)) == document
    for _, _, operation in operations(document):
        assert all(answer["description"] for answer in operation["responses"].values())
        for parameter in operation.get("parameters", ()):
            assert {"name", "in", "schema", "required"} <= set(parameter)
            assert parameter["in"] in ("path", "query", "header")


@EVERY
def test_every_reference_leads_somewhere_and_every_schema_is_used(document: Any, table: Any) -> None:
    references = {node["$ref"] for node in nodes(document) if "$ref" in node}
    assert all(isinstance(resolved(document, reference), dict) for reference in references)
    assert {reference.rpartition("/")[2] for reference in references} == set(document["components"]["schemas"])


@EVERY
def test_it_holds_every_call_of_the_table_with_its_good_answers_and_no_other(document: Any, table: Any) -> None:
    told = {(path, method): operation for path, method, operation in operations(document)}
    assert set(told) == {(call.path, call.method.lower()) for call in table}
    for call in table:
        operation = told[call.path, call.method.lower()]
        assert (operation["operationId"], operation["summary"]) == (call.name, call.summary)
        assert {status for status in operation["responses"] if status < "400"} == {str(one) for one in call.success}
        assert ("requestBody" in operation) == (call.request is not None or getattr(call, "form", None) is not None)
    counted = Counter(operation["operationId"] for operation in told.values())
    assert set(counted.values()) == {1}


@EVERY
def test_every_parameter_of_a_path_is_declared_and_no_other(document: Any, table: Any) -> None:
    for path, _, operation in operations(document):
        in_path = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"]
        assert in_path == re.findall(r"\{(\w+)\}", path)


@EVERY
def test_every_call_says_what_it_needs_to_be_let_in(document: Any, table: Any) -> None:
    schemes = document["components"]["securitySchemes"]
    scopes = {call.name: call.scope for call in table}
    for _, _, operation in operations(document):
        needed = operation["security"]
        assert {name for one in needed for name in one} <= set(schemes)
        scope = scopes[operation["operationId"]]
        granted = [one for words in needed for one in words.values()]
        if document["info"]["title"] == "The Ordering API":
            assert all("application" in one for one in needed)
            assert not scope or [scope] in granted
        else:
            assert ([scope] in granted) if scope else ({} in needed)


# The golden bytes of Link, by the schema that each is of.
GOLDEN = Path(__file__).parent.parent / "golden" / "link"
SCHEMA_OF = {
    "new_order": "NewOrder",
    "accepted": "OrderAccepted",
    "order": "OrderView",
    "order_other_price": "OrderView",
    "order_list": "OrderList",
    "token": "TokenAnswer",
    **{path.stem: "Event" for path in GOLDEN.glob("event_*.json")},
    **{path.stem: "StoreEvent" for path in GOLDEN.glob("store_*.json")},
}


@pytest.mark.parametrize("file", sorted(GOLDEN.glob("*.json")), ids=lambda file: file.stem)
def test_a_golden_body_is_what_its_schema_says(file: Path) -> None:
    document, _ = DOCUMENTS["link"]
    body, schema = json.loads(file.read_bytes()), document["components"]["schemas"][SCHEMA_OF[file.stem]]
    assert [*schema_faults(document, body, schema), *surplus(document, body, schema)] == []
    for name in schema["required"]:
        without = {key: value for key, value in body.items() if key != name}
        assert list(schema_faults(document, without, schema)), name


def test_the_webhooks_are_told_with_what_signs_them() -> None:
    document, _ = DOCUMENTS["link"]
    assert set(document["webhooks"]) == {"order_event", "store_event", "endpoint_event"}
    for item in document["webhooks"].values():
        names = {one["name"] for one in item["post"]["parameters"] if one["required"]}
        assert names == {"webhook-id", "webhook-timestamp", "webhook-signature"}
        assert set(item["post"]["responses"]) == {"204"}


def test_the_scopes_of_link_are_those_that_a_token_may_have() -> None:
    document, _ = DOCUMENTS["link"]
    flow = document["components"]["securitySchemes"]["clientCredentials"]["flows"]["clientCredentials"]
    assert tuple(flow["scopes"]) == SCOPES


def test_what_takes_a_token_of_the_ordering_api_says_so_and_what_needs_one_takes_no_less() -> None:
    document, _ = DOCUMENTS["ordering"]
    flow = document["components"]["securitySchemes"]["clientCredentials"]["flows"]["clientCredentials"]
    assert tuple(flow["scopes"]) == ORDERING_SCOPES
    needs = {one["operationId"]: one["security"] for _, _, one in operations(document)}
    for call in ordering.OPERATIONS:
        bare = {"application": []} in needs[call.name]
        with_token = any("accessToken" in one for one in needs[call.name])
        assert (bare, with_token) == {
            ordering.Token.NONE: (False, False),
            ordering.Token.TAKEN: (True, True),
            ordering.Token.NEEDED: (False, True),
        }[call.token], call.name


def test_a_refusal_of_the_ordering_api_is_always_in_its_envelope() -> None:
    document, _ = DOCUMENTS["ordering"]
    assert "Problem" not in document["components"]["schemas"]
    for _, _, operation in operations(document):
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert answer["content"] == {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}


def test_every_scope_of_a_call_is_one_that_can_be_given() -> None:
    assert {call.scope for call in link.OPERATIONS} - {None} <= set(SCOPES)
    assert {call.scope for call in admin.OPERATIONS} <= set(KEY_SCOPES)
    assert {call.scope for call in ordering.OPERATIONS} - {None} <= set(ORDERING_SCOPES)
    assert all(call.scope == "read" for call in admin.OPERATIONS if call.method == "GET")
    assert all(call.scope != "read" for call in admin.OPERATIONS if call.method != "GET")


def test_what_an_answer_has_beyond_its_description_is_found() -> None:
    document, _ = DOCUMENTS["link"]
    found = operation_at(document, "GET", "/link/v2/orders?external_order_id=A-1")
    assert found is not None
    assert operation_at(document, "GET", "/link/v2/orders/a/b") is None
    as_json = {"content-type": "application/json"}
    assert answer_faults(document, found, 200, as_json, b'{"orders": []}') == []
    assert answer_faults(document, found, 201, as_json, b'{"orders": []}') == ["201 is not described"]
    assert answer_faults(document, found, 200, {}, b'{"orders": []}') == ["content-type None"]
    assert answer_faults(document, found, 200, as_json, b'{"orders": [], "x": 1}') == ["$.x is not described"]
    assert answer_faults(document, found, 200, as_json, b'{"orders": 1}') == ["$.orders: no array"]
    create = operation_at(document, "POST", "/link/v2/orders")
    assert create is not None
    assert "no header location" in answer_faults(document, create, 201, as_json, b"{}")


def test_a_page_is_bounded() -> None:
    pages = [one for operation in admin.OPERATIONS for one in operation.queries if one.name == "limit"]
    assert pages
    assert all(one.schema["maximum"] == limits.PAGE_MAX for one in pages)
