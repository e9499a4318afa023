"""What the admin API says of payments: who holds the money, an order's own payment, and what staff may not do yet."""

import json
from typing import Any

import pytest

from asking import a_key, ask, ask_json, problem_of
from builders import ORGANIZATION
from heard.domain.order.model import Status
from heard.domain.payments import PaymentState, ProviderKind
from heard.domain.stores import ConnectorKind
from heard.engine.payment_provider import set_provider
from parties import Town, a_town
from paying import pay_and_order, until_paid, use_test_provider

PAYMENTS, ORDERS = "/admin/v1/payments", "/admin/v1/orders"
SECRET = "sk_test_51Nobodys"


async def setting(town: Town, key: str, **body: object) -> Any:
    return await ask_json(town, PAYMENTS, json.dumps(body).encode(), key)


async def test_a_secret_goes_in_and_never_comes_out(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        key = await a_key(town)
        before = await ask(town, "GET", PAYMENTS, token=key)
        assert json.loads(before.body) == {"organization_id": ORGANIZATION, "has_secret": False}
        set_ = await setting(town, key, provider="stripe", secret=SECRET, url="https://stripe.example")
        shown = await ask(town, "GET", f"{PAYMENTS}?organization_id={ORGANIZATION}", token=key)
        expected = {"organization_id": ORGANIZATION, "has_secret": True, "provider": "stripe"}
        for answer in (set_, shown):
            assert json.loads(answer.body) == {**expected, "url": "https://stripe.example"}
        gone = await setting(town, key, provider="none")
        assert "provider" not in json.loads(gone.body)
        assert json.loads(gone.body)["has_secret"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({}, "$.provider"),
        ({"provider": "paypal"}, "$.provider"),
        ({"provider": 1}, "$.provider"),
        ({"provider": "stripe"}, "$.secret"),
        ({"provider": "stripe", "secret": ""}, "$.secret"),
        ({"provider": "stripe", "secret": f"{SECRET} x"}, "$.secret"),
        ({"provider": "stripe", "secret": f"{SECRET}\n"}, "$.secret"),
        ({"provider": "test", "secret": SECRET}, "$.secret"),
        ({"provider": "none", "secret": SECRET}, "$.secret"),
        ({"provider": "test", "url": "https://stripe.example"}, "$.url"),
        ({"provider": "stripe", "secret": SECRET, "url": "ftp://stripe.example"}, "$.url"),
        ({"provider": "stripe", "secret": SECRET, "url": "https://me:pw@stripe.example"}, "$.url"),
    ],
)
async def test_what_is_not_well_said_is_refused_and_changes_nothing(dsn: str, body: Any, path: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        answer = await setting(town, await a_key(town), **body)
        problem = problem_of(answer, 422, "invalid_body")
        assert [one["path"] for one in problem["errors"]] == [path]
        assert SECRET.encode() not in answer.body
        row = await town.house.hub.pool.fetchrow("SELECT payment_provider, payment_secret_sealed FROM organizations")
        assert row is not None
        assert tuple(row) == (None, None)


async def test_only_who_may_sets_it_and_for_their_own_alone(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        problem_of(
            await setting(town, await a_key(town, "read orders stores"), provider="test"), 403, "insufficient_scope"
        )
        foreign = await a_key(town, "admin", of="another")
        answer = await setting(town, foreign, provider="test", organization_id=ORGANIZATION)
        problem_of(answer, 403, "organization_mismatch")
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM organizations WHERE payment_provider > ''") == 0


async def test_an_order_shows_its_payment_and_each_of_its_steps(dsn: str) -> None:
    async with a_town(dsn) as town:
        await use_test_provider(town)
        order_id, key = await pay_and_order(town, 1403), await a_key(town, "read")
        order = await until_paid(town, order_id)
        seen = json.loads((await ask(town, "GET", f"{ORDERS}/{order_id}", token=key)).body)
        assert (seen["order"]["payment"], seen["order"]["payment_ref"]) == ("captured", order.payment_ref)
        steps = [line for line in seen["history"] if line["step"] == "pay"]
        assert [line["by"] for line in steps] == ["hub", "provider"] * 2
        assert all("14.03 USD" in line["note"] for line in steps)
        assert {one["peer"] for one in seen["exchanges"]} >= {"payment", "pos"}
        unpaid = json.loads((await ask(town, "GET", f"{ORDERS}/{await town.send('A-1')}", token=key)).body)
        assert "payment" not in unpaid["order"]


async def test_staff_are_told_why_they_cannot_accept_yet(dsn: str) -> None:
    async with a_town(dsn, worker=False, connector=ConnectorKind.MANUAL) as town:
        await set_provider(town.house.hub, ORGANIZATION, ProviderKind.TEST, None, None)
        order_id, key = await pay_and_order(town, 1403), await a_key(town, "orders")
        answer = await ask_json(town, f"{ORDERS}/{order_id}/accept", b"{}", key)
        problem = problem_of(answer, 409, "illegal_transition")
        assert "its payment is not authorized yet: accept is not possible" in problem["detail"]
        assert "accept" not in problem["allowed"]
        order = await town.order(order_id)
        assert (order.status, order.payment) == (Status.AWAITING_STAFF, PaymentState.DUE)
