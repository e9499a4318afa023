"""A payment begins and is found again: by its own application alone, in time, for what it was begun for."""

import asyncio
import re
from datetime import timedelta

import pytest

from builders import ORGANIZATION
from heard import limits
from heard.domain.ids import MarketplaceId, OrganizationId, SingularPointId, paid_order_id
from heard.domain.money import Cents
from heard.domain.payments import PaymentState, ProviderKind
from heard.domain.refusals import Code, Refused
from heard.engine.begin_payment import Begun, find_payment, hold_to_amount, hold_to_point
from heard.engine.hub import Hub
from heard.engine.payment_provider import find_account, read_provider, set_provider
from heard.storage.payments import Payment
from lengths import patience
from parties import a_town
from paying import POINT, begun, pay_and_order, take_in, until_paid, use_test_provider


async def found(hub: Hub, payment: Begun, of: str = ORGANIZATION) -> Payment:
    marketplace_id = await hub.pool.fetchval("SELECT marketplace_id FROM marketplaces LIMIT 1")
    return await find_payment(hub, OrganizationId(of), marketplace_id, payment.hash)


async def refused(hub: Hub, payment: Begun, of: str = ORGANIZATION) -> Code:
    with pytest.raises(Refused) as caught:
        await found(hub, payment, of)
    assert [one.path for one in caught.value.errors] == ["$.payment_info.payment_init_hash"]
    assert payment.hash not in str(caught.value)
    return caught.value.code


async def test_no_payment_begins_where_nobody_holds_the_money(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        for setting in (None, ProviderKind.TEST, None):
            if setting is not None:
                await set_provider(town.house.hub, ORGANIZATION, setting, None, None)
                await begun(town, 1403)
                await set_provider(town.house.hub, ORGANIZATION, None, None, None)
            with pytest.raises(Refused) as caught:
                await begun(town, 1403)
            assert caught.value.code is Code.PAYMENTS_NOT_SET_UP
        assert await town.house.hub.pool.fetchval("SELECT count(*) FROM payments") == 1


async def test_a_payment_is_found_by_its_own_application_alone(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub = town.house.hub
        await use_test_provider(town)
        payment, other = await begun(town, 1403), await begun(town, 1403)
        assert re.fullmatch("[0-9a-f]{32}", payment.hash)
        assert payment.hash != other.hash
        known = await found(hub, payment)
        assert (known.amount, known.currency, known.singular_point_id) == (1403, "USD", POINT)
        assert known.expires_at - known.created_at == timedelta(seconds=limits.PAYMENT_GOOD_FOR_S)
        assert payment.hash not in repr((payment, known))
        assert await refused(hub, payment, of="another") is Code.UNKNOWN_PAYMENT
        with pytest.raises(Refused) as caught:
            await find_payment(hub, ORGANIZATION, MarketplaceId("mkt_other"), payment.hash)
        assert caught.value.code is Code.UNKNOWN_PAYMENT
        for text in ("", "x", payment.hash.upper(), payment.hash + "0", "\0" * 32, "é" * 32):
            with pytest.raises(Refused):
                await find_payment(hub, ORGANIZATION, known.marketplace_id, text)


async def test_an_expired_payment_is_refused_but_a_repeat_of_its_order_is_not(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub = town.house.hub
        await use_test_provider(town)
        used, unused = await begun(town, 1403), await begun(town, 1403)
        await take_in(hub, town.venue_id, used, 1403)
        await hub.pool.execute("UPDATE payments SET expires_at = business_now()")
        assert await refused(hub, unused) is Code.PAYMENT_EXPIRED
        assert (await found(hub, used)).payment_id == used.payment_id


async def test_one_payment_pays_for_one_order(dsn: str) -> None:
    """The order's id is made from the payment's, and its channel's number from its id: a repeat is the same order."""
    async with a_town(dsn, worker=False) as town:
        await use_test_provider(town)
        payment = await begun(town, 1403)
        for number in (None, None, "another-number"):
            try:
                await take_in(town.house.hub, town.venue_id, payment, 1403, number)
            except Exception as error:  # noqa: BLE001 - the database keeps the second order out by itself
                assert number, error
        rows = await town.house.hub.pool.fetch("SELECT order_id, payment FROM orders")
        assert [tuple(row) for row in rows] == [(paid_order_id(payment.payment_id), PaymentState.DUE)]


async def test_an_order_must_be_for_what_its_payment_was_begun_for(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        await use_test_provider(town)
        payment = await found(town.house.hub, await begun(town, 1403))
        hold_to_point(payment, POINT)
        hold_to_amount(payment, Cents(1403), "USD")
        for cents, currency in ((1402, "USD"), (1403, "EUR")):
            with pytest.raises(Refused) as caught:
                hold_to_amount(payment, Cents(cents), currency)
            assert caught.value.code is Code.PAYMENT_AMOUNT_MISMATCH
        with pytest.raises(Refused) as caught:
            hold_to_point(payment, SingularPointId("spt_other"))
        assert caught.value.code is Code.UNKNOWN_PAYMENT


async def test_a_secret_is_sealed_kept_for_what_was_begun_and_shown_to_nobody(dsn: str) -> None:
    secret, url = "sk_test_51Secret", "https://stripe.example"
    async with a_town(dsn, worker=False) as town:
        hub = town.house.hub
        with pytest.raises(Refused, match=r"\$\.secret"):
            await set_provider(hub, ORGANIZATION, ProviderKind.STRIPE, None, None)
        settings = await set_provider(hub, ORGANIZATION, ProviderKind.STRIPE, secret, url)
        assert secret not in repr(settings)
        sealed = await hub.pool.fetchval("SELECT payment_secret_sealed FROM organizations WHERE payment_url = $1", url)
        assert secret.encode() not in sealed
        order_id = await pay_and_order(town, 1403)
        await use_test_provider(town)
        account = await find_account(hub, await town.order(order_id))
        assert (account.payment.provider, account.secret, account.url) == (ProviderKind.STRIPE, secret, url)
        assert secret not in repr(account)
        assert (await read_provider(hub, ORGANIZATION)).kind is ProviderKind.TEST
        again = await set_provider(hub, ORGANIZATION, ProviderKind.STRIPE, None, None)
        assert (again.url, again.secret_sealed is not None) == (None, True)
        for kind, given in ((ProviderKind.TEST, {"secret": "x", "url": None}), (None, {"secret": None, "url": url})):
            with pytest.raises(Refused):
                await set_provider(hub, ORGANIZATION, kind, **given)
        with pytest.raises(Refused):
            await set_provider(hub, OrganizationId("nobody"), ProviderKind.TEST, None, None)


async def test_an_order_whose_provider_cannot_be_called_waits_and_is_not_parked(dsn: str) -> None:
    """The address guard holds here too, and no word of it is lost in a log."""
    settings = {"HEARD_OUTBOUND_ALLOW": "127.0.0.0/8"}
    async with a_town(dsn, settings=settings) as town:
        await set_provider(town.house.hub, ORGANIZATION, ProviderKind.STRIPE, "sk_test_1", "http://10.1.2.3:9")
        order_id = await pay_and_order(town, 1403, method="pm_card_visa")
        await until_paid(town, order_id, PaymentState.AUTHORIZING)
        async with patience():
            while not (order := await town.order(order_id)).payment_attempts:
                await asyncio.sleep(0.02)
        notes = [line.note or "" for line in await town.history(order_id)]
        assert any("the address is refused" in note for note in notes), notes
        assert "sk_test_1" not in "".join(notes)
        assert (order.parked, town.tickets(order_id)) == (False, [])


async def test_what_was_begun_and_never_used_is_forgotten_and_what_paid_for_an_order_stays(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        hub = town.house.hub
        await use_test_provider(town)
        await begun(town, 1500)
        await pay_and_order(town, 1600)
        await hub.pool.execute("UPDATE clock SET \"offset\" = interval '2 days'")
        await begun(town, 1700)
        amounts = await hub.pool.fetch("SELECT amount FROM payments ORDER BY amount")
        assert [row["amount"] for row in amounts] == [1600, 1700]
