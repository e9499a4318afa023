"""A marketplace as one is written with `heard.clients`: sends orders until they are answered, hears signed webhooks.

Its ledger holds what it sent and what it was told, so that it can say after any crash whether anything is missing.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from heard.clients.link import LinkClient, LinkError, Order, Unauthorized, Unavailable, UnknownOutcome
from heard.clients.webhooks import Event, OrderEvent, WebhookReceiver
from heard.domain.order.model import ReasonCode
from heard.net.outbound import Outbound
from heard.protocols.link.decode import decode_content
from heard.protocols.link.encode import encode_new_order
from heard.sandbox.ledger import Ledger
from heard.sandbox.told import keep_event

log = structlog.get_logger()

_AGAIN_S = 1.0


class HubUnreachable(Exception):
    """The hub gave no answer, or a fault of its own: the same order is to be sent again."""


class SandboxMarketplace:
    """One marketplace. `app` is its webhook receiver, `link` its client of the hub."""

    def __init__(
        self, hub_url: str, client_id: str, client_secret: str, webhook_secret: str, ledger: Ledger, outbound: Outbound
    ) -> None:
        self.hub_url, self.ledger = hub_url, ledger
        self._client_id, self._client_secret, self._webhook_secret = client_id, client_secret, webhook_secret
        self.outbound = outbound
        # What is not answered stays in the ledger and is sent again from there.
        self.link = LinkClient(hub_url, client_id, client_secret, outbound=outbound, retry=False)
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)  # a test may set another
        self.heard = asyncio.Event()  # set at every webhook
        # Whose guest calls it off as soon as it is confirmed, by its number; a demo or a test may set another.
        self.is_called_off: Callable[[str], bool] = lambda _: False
        self._wished = asyncio.Event()  # set when a guest has called an order off
        self.app = WebhookReceiver(webhook_secret, self._hear, path="/webhooks", clock=self._now)

    @property
    def credentials(self) -> tuple[str, str]:
        """Its client id and secret."""
        return self._client_id, self._client_secret

    async def send(self, order: Order) -> str | None:
        """Send an order, once written down; its order id, or None when the hub refused it for good.

        Raises HubUnreachable: then `resend` brings it there later, under the same number.
        """
        sql = "INSERT OR IGNORE INTO sent VALUES (?, ?, ?, NULL, NULL)"
        self.ledger.write(sql, order.external_order_id, encode_new_order(order), time.time())
        return await self._send(order)

    async def resend(self) -> int:
        """Send again whatever was never answered; how many orders that were."""
        open_orders = self.ledger.rows("SELECT * FROM sent WHERE order_id IS NULL AND refused IS NULL LIMIT 1000")
        for row in open_orders:
            await self._send(decode_content(row["body"]))
        return len(open_orders)

    async def _send(self, order: Order) -> str | None:
        number = order.external_order_id
        try:
            accepted = await self.link.send_order(order)
        except LinkError as error:
            if _is_open(error):
                raise HubUnreachable(str(error)) from error
            self.ledger.write("UPDATE sent SET refused = ? WHERE external_order_id = ?", str(error), number)
            log.warning("the hub refused an order", external_order_id=number, status=error.status, why=str(error))
            return None
        self.ledger.write("UPDATE sent SET order_id = ? WHERE external_order_id = ?", accepted.order_id, number)
        return accepted.order_id

    async def call_off(self) -> None:
        """Cancel what its guests have called off, each until the hub has answered: also in an earlier start. Runs for
        ever.
        """
        while True:
            self._wished.clear()
            try:
                for row in self.ledger.rows("SELECT * FROM called_off WHERE answer IS NULL LIMIT 1000"):
                    await self._cancel(row["external_order_id"], row["order_id"])
            except HubUnreachable as error:
                log.warning("the order will be cancelled again", why=str(error))
                await asyncio.sleep(_AGAIN_S)
            else:
                await self._wished.wait()

    async def _cancel(self, number: str, order_id: str) -> None:
        try:
            said = await self.link.cancel_order(order_id, ReasonCode.CANCELLED_BY_GUEST, "the guest changed their mind")
        except LinkError as error:
            if _is_open(error):
                raise HubUnreachable(str(error)) from error
            answer = str(error)
        else:
            answer = said.status
        self.ledger.write("UPDATE called_off SET answer = ? WHERE external_order_id = ?", answer, number)

    def _now(self) -> datetime:
        return self.clock()

    def _hear(self, event: Event) -> None:
        with self.ledger.together():
            keep_event(self.ledger, event)
            if isinstance(event, OrderEvent) and event.type == "order.confirmed":
                self._note(event)
        self.heard.set()

    def _note(self, event: OrderEvent) -> None:
        number = event.external_order_id
        if self.is_called_off(number):
            self.ledger.write("INSERT OR IGNORE INTO called_off VALUES (?, ?, NULL)", number, event.order_id)
            self._wished.set()


def _is_open(error: LinkError) -> bool:
    """Whether the same call may come to something else, or nobody knows what became of it."""
    return error.status is None or isinstance(error, Unavailable | UnknownOutcome | Unauthorized)
