"""A marketplace as one is written with `heard.clients`: sends orders until they are answered, hears signed webhooks.

Its ledger holds what it sent and what it was told, so that it can say after any crash whether anything is missing.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from heard.clients.link import LinkClient, LinkError, Order, Unauthorized, Unavailable, UnknownOutcome
from heard.clients.webhooks import Event, WebhookReceiver
from heard.net.outbound import Outbound
from heard.protocols.link.decode import decode_content
from heard.protocols.link.encode import encode_new_order
from heard.sandbox.ledger import Ledger
from heard.sandbox.told import keep_event

log = structlog.get_logger()


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
            if error.status is None or isinstance(error, Unavailable | UnknownOutcome | Unauthorized):
                raise HubUnreachable(str(error)) from error
            self.ledger.write("UPDATE sent SET refused = ? WHERE external_order_id = ?", str(error), number)
            log.warning("the hub refused an order", external_order_id=number, status=error.status, why=str(error))
            return None
        self.ledger.write("UPDATE sent SET order_id = ? WHERE external_order_id = ?", accepted.order_id, number)
        return accepted.order_id

    def _now(self) -> datetime:
        return self.clock()

    def _hear(self, event: Event) -> None:
        keep_event(self.ledger, event)
        self.heard.set()
