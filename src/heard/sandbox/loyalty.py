"""A brand's loyalty program as one is written with `heard.clients.ordering`: it takes its guests' discounts off carts,
pays for them and orders.

Its ledger holds what its guests wish, what pays for it and what became of it: a crash loses and doubles nothing.
"""

import random
import time
from dataclasses import dataclass

import msgspec
import structlog

from heard.clients.ordering import (
    Cart,
    Combo,
    Conflict,
    Customer,
    Item,
    Modifier,
    OrderingClient,
    OrderingError,
    OrderType,
    Unauthorized,
    Unavailable,
    UnknownOutcome,
    apply_external_discount,
    combo,
    item,
    modifier,
    new_cart,
)
from heard.clients.webhooks import Event, WebhookReceiver
from heard.domain.menu.model import Menu
from heard.domain.order.content import LineModifier
from heard.protocols import typed
from heard.sandbox.ledger import Ledger
from heard.sandbox.marketplace import HubUnreachable
from heard.sandbox.orders import Choice, choose, guest
from heard.sandbox.told import keep_event

log = structlog.get_logger()

# Nothing was charged, and nothing will be: the payment is of what the cart cost before, or too old.
_PAY_ANEW = frozenset({"price_changed", "payment_amount_mismatch", "payment_expired"})


@dataclass(frozen=True, slots=True)
class Wish:
    """What a guest wants, under a number of ours, and how much of it the program gives."""

    number: str
    cart: Cart
    customer: Customer
    percent: int


class SandboxLoyalty:
    """One application. `app` is its webhook receiver, `hub` its client of the hub, which makes each call once."""

    def __init__(self, hub: OrderingClient, webhook_secret: str, ledger: Ledger) -> None:
        self.hub, self.ledger = hub, ledger
        self.app = WebhookReceiver(webhook_secret, self._hear, path="/webhooks")

    def keep(self, wish: Wish) -> None:
        """Write down what a guest wishes; `resend` brings it to the hub."""
        sql = "INSERT OR IGNORE INTO wishes (number, wish, wished_at) VALUES (?, ?, ?)"
        self.ledger.write(sql, wish.number, msgspec.json.encode(wish), time.time())

    async def send(self, wish: Wish) -> str | None:
        """Order what a guest wishes, once written down; the order's UUID, or None when the hub refused it for good.

        Raises HubUnreachable: then `resend` brings it there later.
        """
        self.keep(wish)
        return await self._send(wish)

    async def resend(self) -> int:
        """Bring there whatever was never answered; how many orders that were. Raises HubUnreachable."""
        rows = self.ledger.rows("SELECT wish FROM wishes WHERE order_id IS NULL AND refused IS NULL LIMIT 1000")
        for row in rows:
            await self._send(typed.decode(row["wish"], Wish))
        return len(rows)

    async def _send(self, wish: Wish) -> str | None:
        try:
            cart, payment = self._paid(wish) or await self._begin(wish)
            order = await self.hub.create_order(cart, wish.customer, payment)
        except OrderingError as error:
            if isinstance(error, Conflict) and error.code in _PAY_ANEW:
                self._write(wish, "cart = NULL, amount = NULL, payment_init_hash = NULL")
                raise HubUnreachable(str(error)) from error
            if error.status is None or isinstance(error, Unavailable | UnknownOutcome | Unauthorized):
                raise HubUnreachable(str(error)) from error
            self._write(wish, "refused = ?", str(error))
            log.warning("the hub refused an order", number=wish.number, status=error.status, why=str(error))
            return None
        self._write(wish, "order_id = ?", order.id)
        return order.id

    def _paid(self, wish: Wish) -> tuple[Cart, str] | None:
        """The cart as it was priced, and the payment that was begun for it: the same again is the same order."""
        row = self.ledger.row("SELECT cart, payment_init_hash FROM wishes WHERE number = ?", wish.number)
        if row is None or row["payment_init_hash"] is None:
            return None
        return typed.decode(row["cart"], Cart), row["payment_init_hash"]

    async def _begin(self, wish: Wish) -> tuple[Cart, str]:
        """Price it, take the guest's discount off, begin the payment of what is left."""
        before = await self.hub.calculate(wish.cart)
        cart = apply_external_discount(wish.cart, max(1, before.subtotal * wish.percent // 100))
        priced = await self.hub.calculate(cart)
        payment = await self.hub.initialize_payment(cart.singular_point_id, priced.total, priced.currency)
        paid = msgspec.json.encode(cart), priced.total, payment.payment_init_hash
        self._write(wish, "cart = ?, amount = ?, payment_init_hash = ?", *paid)
        return cart, payment.payment_init_hash

    def _write(self, wish: Wish, what: str, *values: object) -> None:
        self.ledger.write(f"UPDATE wishes SET {what} WHERE number = ?", *values, wish.number)  # noqa: S608 - ours

    def _hear(self, event: Event) -> None:
        keep_event(self.ledger, event)


async def register_webhook(client: OrderingClient, url: str) -> str:
    """Be told at this address, and at no other; the secret that signs what comes there."""
    async for webhook in client.webhooks():
        await client.remove_webhook(webhook.id)
    return (await client.add_webhook(url)).secret


def random_wish(menu: Menu, singular_point_id: str, number: str, chance: random.Random) -> Wish:
    """One to four things off the menu, for somebody who has points."""
    lines = [_line(choice) for choice in choose(menu, chance)]
    kind, tip = chance.choice((OrderType.TAKEOUT, OrderType.DELIVERY)), chance.choice((0, 0, 150, 325))
    who = guest(chance)
    return Wish(
        number,
        new_cart(singular_point_id, kind, lines, tip=tip),
        Customer(email=who.email, first_name=who.name, phone_number=who.phone),
        chance.choice((5, 10, 15, 33)),
    )


def _line(choice: Choice) -> Item | Combo:
    product, modifiers = choice.product, [_modifier(one) for one in choice.modifiers]
    if product.components:
        parts = [item(part.id) for part in choice.parts]
        return combo(product.id, parts, quantity=choice.quantity, modifiers=modifiers)
    return item(product.id, quantity=choice.quantity, modifiers=modifiers)


def _modifier(chosen: LineModifier) -> Modifier:
    below = [_modifier(one) for one in chosen.modifiers]
    return modifier(chosen.modifier_id, quantity=chosen.quantity, modifiers=below)
