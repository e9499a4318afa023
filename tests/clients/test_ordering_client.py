"""The application's client against a hub that fails on demand: what is tried again, what is told, what never shows."""

import asyncio
import concurrent.futures
import inspect
import re
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from clients.fake_hub import CLIENT, SECRET, Fault, Said, said
from clients.fake_ordering import KEY, POINT, VENUE, FakeOrderingHub, a_fake_ordering_hub, fault, ok
from heard.clients import ordering
from heard.clients.ordering import (
    Cart,
    Conflict,
    Customer,
    Forbidden,
    NotFound,
    OrderingClient,
    OrderingError,
    PaymentDeclined,
    RequestRefused,
    SyncOrderingClient,
    Unauthorized,
    Unavailable,
    UnknownOutcome,
    apply_external_discount,
    item,
    new_cart,
)

LOCAL = ["127.0.0.0/8"]
ADA = Customer("ada@guests.example", "Ada", "Lovelace", "+15550100")


def a_cart(discount: int = 100) -> Cart:
    cart = new_cart(POINT, 6, [item("BURGER")])
    return apply_external_discount(cart, discount) if discount else cart


@asynccontextmanager
async def a_client(hub: FakeOrderingHub, secret: str | None = SECRET, **options: Any) -> AsyncIterator[OrderingClient]:
    named = {"allow": LOCAL, **options}
    async with OrderingClient(hub.url, KEY, CLIENT if secret else None, secret, **named) as client:
        yield client


async def a_payment(client: OrderingClient) -> str:
    return (await client.initialize_payment(POINT, 980, "USD")).payment_init_hash


def times_called(hub: FakeOrderingHub, path: str) -> int:
    return sum(called == path for _, called in hub.calls)


# --- the whole way ------------------------------------------------------------------------------------------


async def test_a_discounted_cart_is_priced_paid_ordered_and_read() -> None:
    async with a_fake_ordering_hub() as hub, a_client(hub) as client:
        priced = await client.calculate(a_cart())
        assert (priced.subtotal, priced.discount_total, priced.total, priced.tax_is_estimate) == (1000, 100, 900, True)
        assert not (await client.calculate(a_cart(), accurate_tax=True)).tax_is_estimate
        payment = await client.initialize_payment(POINT, 980, "USD")
        assert (payment.amount, payment.currency, payment.singular_point_id) == (980, "USD", POINT)
        assert payment.expires_at == datetime(2026, 3, 14, 12, tzinfo=UTC)
        order = await client.create_order(a_cart(), ADA, payment.payment_init_hash)
        assert (order.status, order.total, order.payment_status, order.pickup_at) == (
            "PENDING",
            980,
            "AUTHORIZED",
            None,
        )
        assert await client.order(order.id) == order


async def test_every_call_names_its_application_its_version_its_token_and_itself() -> None:
    async with a_fake_ordering_hub() as hub, a_client(hub) as client:
        await client.calculate(a_cart())
        await client.venue(VENUE)
        (token_path, asked, form), (_, first, _), (_, second, _) = hub.heard
        assert token_path == "/oauth/tokens"
        assert form == b"grant_type=client_credentials"
        assert asked["authorization"].startswith("Basic ")
        for headers in (asked, first, second):
            assert headers["application"] == KEY
            assert re.fullmatch(r"[45]\.\d+", headers["api-version"])
            assert re.fullmatch(r"req_[0-9a-f]{24}", headers["x-request-id"])
        assert first["x-api-authorization"] == second["x-api-authorization"] == f"Bearer {next(iter(hub.tokens))}"
        assert first["x-request-id"] != second["x-request-id"]
        assert "authorization" not in first


async def test_without_a_client_no_token_is_asked_for_and_what_needs_one_says_so() -> None:
    async with a_fake_ordering_hub() as hub, a_client(hub, secret=None) as client:
        assert (await client.calculate(a_cart(discount=0))).total == 1000
        with pytest.raises(Unauthorized) as caught:
            await client.calculate(a_cart())
        assert caught.value.code == "token_required"
        assert hub.token_calls == 0
        assert all("x-api-authorization" not in headers for _, headers, _ in hub.heard)
        assert times_called(hub, "/api/orders/calculate") == 2


async def test_venues_and_menus_come_with_what_belongs_to_them_or_without() -> None:
    async with a_fake_ordering_hub() as hub, a_client(hub) as client:
        [area] = (await client.venue(VENUE)).areas
        assert area.singular_points is not None
        assert area.singular_points[0].id == area.singular_point_id == POINT
        assert (await client.venue(VENUE, nested=False)).areas[0].singular_points is None
        [menu] = await client.menus(VENUE)
        assert menu.categories is not None
        assert menu.categories[0].items[0].price == 1000
        assert (await client.menus(VENUE, nested=False))[0].categories is None
        with pytest.raises(NotFound):
            await client.venue("another")
        with pytest.raises(ValueError, match="no id"):
            await client.venue("..")


async def test_webhooks_are_added_listed_over_all_pages_and_removed_once() -> None:
    async with a_fake_ordering_hub() as hub, a_client(hub) as client:
        made = await client.add_webhook("https://app.example/heard")
        assert made.secret == "whsec_never_seen"
        assert made.secret not in repr(made)
        found = [webhook async for webhook in client.webhooks()]
        assert len(found) == 251
        assert found[-1].id == made.id
        hub.faults = [Fault("/webhooks", None, done=True)]  # removed, and nobody heard
        assert not await client.remove_webhook(made.id)
        assert await client.remove_webhook(found[0].id)
        assert len(hub.webhooks) == 249


# --- what may be tried again --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "broken",
    [
        Fault("/api/orders", fault(503, "unavailable", retryable=True, headers={"retry-after": "0"})),
        Fault("/api/orders", Said(502, b"<html>bad gateway</html>")),
        Fault("/api/orders", fault(500, "internal_error", retryable=True), done=True),
        Fault("/api/orders", None),
        Fault("/api/orders", None, done=True),
        Fault("/api/orders", Said(200, b"<html>welcome to this hotel</html>")),
        Fault("/oauth/tokens", fault(503, "unavailable")),
        Fault("/oauth/tokens", None),
        Fault("/oauth/tokens", Said(200, b"{}")),
    ],
    ids=lambda broken: f"{broken.where} {broken.said and (broken.said.status, broken.said.body[:20])} {broken.done}",
)
async def test_an_order_gets_there_through_any_one_fault_and_is_there_once(broken: Fault) -> None:
    async with a_fake_ordering_hub() as hub, a_client(hub) as client:
        hub.payments["aa"] = {}
        hub.faults = [broken]
        assert (await client.create_order(a_cart(), ADA, "aa")).id == "aa"
        assert list(hub.orders) == ["aa"]
        assert hub.faults == []


@pytest.mark.parametrize(
    "broken",
    [
        Fault("/initialize", None, done=True),
        Fault("/initialize", None),
        Fault("/initialize", fault(500, "internal_error", retryable=True), done=True),
        Fault("/initialize", Said(200, b"<html>welcome</html>"), done=True),
    ],
    ids=["done and unheard", "unheard", "fault", "not a hub"],
)
async def test_a_payment_that_may_have_begun_is_not_begun_again_by_itself(broken: Fault) -> None:
    async with a_fake_ordering_hub() as hub, a_client(hub) as client:
        hub.faults = [broken]
        with pytest.raises(UnknownOutcome) as caught:
            await client.initialize_payment(POINT, 980, "USD")
        assert not caught.value.retryable
        assert times_called(hub, "/api/payments/initialize") == 1


async def test_a_payment_that_certainly_did_not_begin_is_begun_again() -> None:
    async with a_fake_ordering_hub() as hub, a_client(hub) as client:
        hub.faults = [Fault("/initialize", fault(503, "unavailable", retryable=True, headers={"retry-after": "0"}))]
        assert (await client.initialize_payment(POINT, 980, "USD")).amount == 980
        assert len(hub.payments) == 1


async def test_a_calculation_that_is_not_answered_is_asked_again_and_never_of_unknown_outcome() -> None:
    async with a_fake_ordering_hub() as hub, a_client(hub, timeout_s=0.6) as client:
        hub.faults = [Fault("/calculate", None, done=True)]
        assert (await client.calculate(a_cart())).total == 900
        hub.faults = [Fault("/calculate", ok({}), slow_s=30)]
        with pytest.raises(Unavailable) as caught:
            await client.calculate(a_cart())
        assert (caught.value.code, caught.value.retryable) == ("no_answer", True)


async def test_an_order_without_an_answer_in_time_is_of_unknown_outcome_and_safe_to_send_again() -> None:
    async with a_fake_ordering_hub() as hub, a_client(hub, timeout_s=0.5) as client:
        payment = await a_payment(client)
        hub.faults = [Fault("/api/orders", ok({}), done=True, slow_s=30)]
        with pytest.raises(UnknownOutcome) as caught:
            await client.create_order(a_cart(), ADA, payment)
        assert caught.value.retryable
        assert (await client.create_order(a_cart(), ADA, payment)).id == payment
        with pytest.raises(Conflict) as reused:
            await client.create_order(a_cart(discount=101), ADA, payment)
        assert (reused.value.code, reused.value.retryable) == ("payment_reused", False)


async def test_whoever_has_a_queue_of_their_own_makes_each_call_once() -> None:
    async with a_fake_ordering_hub() as hub, a_client(hub, retry=False) as client:
        hub.faults = [Fault("/calculate", fault(503, "unavailable", retryable=True))]
        with pytest.raises(Unavailable):
            await client.calculate(a_cart())
        assert times_called(hub, "/api/orders/calculate") == 1


# --- what is told -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (fault(401, "unknown_application"), Unauthorized),
        (fault(402, "payment_declined"), PaymentDeclined),
        (fault(403, "insufficient_scope"), Forbidden),
        (fault(404, "unknown_singular_point"), NotFound),
        (fault(409, "price_changed"), Conflict),
        (fault(422, "discount_exceeds_subtotal"), RequestRefused),
        (fault(422, "store_not_accepting", retryable=True, headers={"retry-after": "30"}), RequestRefused),
        (Said(418, b"\xff\xfe"), RequestRefused),
    ],
)
async def test_what_is_refused_is_told_at_once_as_the_error_for_it(answer: Said, kind: type[OrderingError]) -> None:
    async with a_fake_ordering_hub() as hub, a_client(hub) as client:
        hub.faults = [Fault("/api/orders", answer)] * 2
        with pytest.raises(kind) as caught:
            await client.create_order(a_cart(), ADA, "aa")
        assert type(caught.value) is kind
        assert caught.value.status == answer.status
        assert caught.value.retryable == ("retry-after" in answer.headers)
        assert times_called(hub, "/api/orders") == (2 if kind is Unauthorized else 1)


async def test_a_refusal_names_the_places_and_the_request() -> None:
    places = [{"path": "$.discounts[0].discount_amount", "code": "too_much", "message": "the subtotal is 1000"}]
    async with a_fake_ordering_hub() as hub, a_client(hub) as client:
        hub.faults = [Fault("/calculate", fault(422, "discount_exceeds_subtotal", errors=places))]
        with pytest.raises(RequestRefused) as caught:
            await client.calculate(a_cart(5000))
        assert [(one.path, one.code) for one in caught.value.errors] == [("$.discounts[0].discount_amount", "too_much")]
        assert str(caught.value) == (
            "422 discount_exceeds_subtotal: because of discount_exceeds_subtotal;"
            " $.discounts[0].discount_amount: the subtotal is 1000 (request req_hub)"
        )


@pytest.mark.parametrize("subtotal", [12.5, "1000", None, True])
async def test_an_answer_whose_money_is_no_whole_cents_is_taken_for_none(subtotal: object) -> None:
    sums = {"discount_total": 0, "tax_total": 0, "tip": 0, "fees": 0, "total": 1000}
    told = {"currency": "USD", "subtotal": subtotal, **sums, "tax_is_estimate": True, "taxes": [], "lines": []}
    async with a_fake_ordering_hub() as hub, a_client(hub, retry=False) as client:
        hub.faults = [Fault("/calculate", ok({"calculation": told}))]
        with pytest.raises(Unavailable, match=r"\$\.data\.calculation\.subtotal") as caught:
            await client.calculate(a_cart())
        assert caught.value.code == "bad_answer"


@pytest.mark.parametrize("amount", [0, -1, True, 12.0, "980"])
async def test_a_payment_of_no_amount_is_not_asked_for(amount: Any) -> None:
    async with a_fake_ordering_hub() as hub, a_client(hub) as client:
        with pytest.raises(ValueError, match="amount: give a whole number of cents"):
            await client.initialize_payment(POINT, amount, "USD")
        assert hub.calls == []


@pytest.mark.parametrize(
    ("url", "key", "client_id", "secret"),
    [
        ("hub.example", KEY, CLIENT, SECRET),
        ("https://hub.example/?a=b", KEY, CLIENT, SECRET),
        ("https://hub.example", "", CLIENT, SECRET),
        ("https://hub.example", KEY, CLIENT, None),
        ("https://hub.example", KEY, None, SECRET),
    ],
)
def test_a_client_that_cannot_work_is_not_made(url: str, key: str, client_id: str | None, secret: str | None) -> None:
    with pytest.raises(ValueError, match=r"url|application_key|client_id"):
        OrderingClient(url, key, client_id, secret)


# --- tokens and secrets -------------------------------------------------------------------------------------


async def test_many_calls_at_once_share_one_token_and_it_is_renewed_before_its_end() -> None:
    async with a_fake_ordering_hub() as hub, a_client(hub) as client:
        hub.token_life_s = 1.0
        await asyncio.gather(*(client.calculate(a_cart()) for _ in range(20)))
        assert hub.token_calls == 1
        await asyncio.sleep(1.0)
        await client.calculate(a_cart())
        assert (hub.token_calls, len(hub.heard)) == (2, 2 + 21)  # no call was refused and made again


async def test_a_token_that_was_revoked_is_replaced() -> None:
    async with a_fake_ordering_hub() as hub, a_client(hub, scopes=["order"]) as client:
        await client.calculate(a_cart())
        hub.tokens.clear()
        await client.calculate(a_cart())
        assert [form["scope"] for form in hub.forms] == ["order", "order"]


def report(error: BaseException) -> str:
    """As a collector of faults takes it: with the variables of every frame of ours, and of those that it came from."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in told.stack if "/heard/clients/" in frame.filename]
    return repr(error) + "".join(told.format_exception_only()) + "".join(str(frame.locals) for frame in frames)


async def test_no_secret_and_no_guest_shows_in_a_repr_in_any_error_or_in_its_variables() -> None:
    async with a_fake_ordering_hub() as hub, a_client(hub, timeout_s=2.0) as client:
        assert repr(client) == f"OrderingClient('{hub.url}', '{KEY}')"
        payment = await client.initialize_payment(POINT, 980, "USD")
        order = await client.create_order(a_cart(), ADA, payment.payment_init_hash)
        shown = [repr(payment), repr(ADA), repr(order)]
        hub.faults = [Fault("/calculate", None, slow_s=600), Fault("/calculate", fault(422, "invalid_body"))]
        for kind in (Unavailable, RequestRefused):
            with pytest.raises(kind) as caught:
                await client.calculate(a_cart())
            shown.append(report(caught.value))
        hub.faults = [Fault("/api/orders", fault(422, "invalid_body"))]
        with pytest.raises(RequestRefused) as refused:
            await client.create_order(a_cart(), ADA, "another")
        shown.append(report(refused.value))
        async with a_client(hub, secret="hcs_a_wrong_one") as other:
            with pytest.raises(Unauthorized, match="invalid_client") as shut_out:
                await other.calculate(a_cart())
        shown.append(report(shut_out.value))
        for secret in (SECRET, "hcs_a_wrong_one", *hub.tokens, payment.payment_init_hash, "ada@", "Lovelace"):
            assert not any(secret in text for text in shown if text != repr(order)), secret
        assert "ada@" not in repr(order)


# --- the other face -----------------------------------------------------------------------------------------


def test_both_faces_have_the_same_methods_with_the_same_arguments() -> None:
    def face(client: type) -> dict[str, list[tuple[str, object, object]]]:
        methods = {name: method for name, method in vars(client).items() if not name.startswith("_")}
        return {
            name: [(one.name, one.kind, one.default) for one in inspect.signature(method).parameters.values()]
            for name, method in methods.items()
        }

    assert face(SyncOrderingClient) == face(OrderingClient)


async def test_every_method_answers_in_threads_as_its_twin_does() -> None:
    def script(hub: FakeOrderingHub) -> None:
        with SyncOrderingClient(hub.url, KEY, CLIENT, SECRET, allow=LOCAL) as client:
            assert repr(client) == f"SyncOrderingClient('{hub.url}', '{KEY}')"
            assert client.venue(VENUE).name == "Acme One"
            assert client.menus(VENUE)[0].name == "All day"
            assert client.calculate(a_cart()).total == 900
            payment = client.initialize_payment(POINT, 980, "USD")
            order = client.create_order(a_cart(), ADA, payment.payment_init_hash)
            assert client.order(order.id) == order
            made = client.add_webhook("https://app.example/heard")
            assert len(list(client.webhooks())) == 251
            assert client.remove_webhook(made.id)
            with pytest.raises(NotFound):
                client.order("another")

    async with a_fake_ordering_hub() as hub:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            await asyncio.get_running_loop().run_in_executor(pool, script, hub)


def test_all_that_is_exported_is_there_and_all_errors_are() -> None:
    assert sorted(ordering.__all__) == list(ordering.__all__)
    assert all(hasattr(ordering, name) for name in ordering.__all__)
    raised = {kind.__name__ for kind in OrderingError.__subclasses__()}
    assert raised <= set(ordering.__all__)


async def test_what_is_no_hub_at_all_is_told_as_such() -> None:
    async with a_fake_ordering_hub() as hub, a_client(hub, retry=False) as client:
        hub.faults = [Fault("/venues", said(200, {"hello": "world"}))]
        with pytest.raises(Unavailable) as caught:
            await client.venue(VENUE)
        assert caught.value.code == "bad_answer"
