"""A marketplace that speaks Link: gets a token, sends orders until they are answered, hears signed webhooks.

Its ledger holds what it sent and what it was told, so that it can say after any crash whether anything is missing.
"""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urlencode

import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from heard import limits
from heard.domain.order.content import OrderContent
from heard.domain.refusals import Refused
from heard.net.answering import answered
from heard.net.bodies import read_body
from heard.net.call import Answer, Call, NoAnswer
from heard.net.outbound import Outbound
from heard.protocols.link import decode, encode
from heard.protocols.link.answers import read_accepted
from heard.protocols.link.events import Event, OrderEvent, decode_event
from heard.protocols.webhooks.auth import WebhookRefused, verify
from heard.sandbox.ledger import Ledger

log = structlog.get_logger()

_FORM = {"content-type": "application/x-www-form-urlencoded"}


class HubUnreachable(Exception):
    """The hub gave no answer, or a fault of its own: the same order is to be sent again."""


class SandboxMarketplace:
    """One marketplace. `app` is its webhook receiver."""

    def __init__(
        self, hub_url: str, client_id: str, client_secret: str, webhook_secret: str, ledger: Ledger, outbound: Outbound
    ) -> None:
        self.hub_url, self.ledger = hub_url, ledger
        self._client_id, self._client_secret, self._webhook_secret = client_id, client_secret, webhook_secret
        self.outbound = outbound
        self._token: str | None = None
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.heard = asyncio.Event()  # set at every webhook
        self.app = Starlette(routes=[Route("/webhooks", answered(self._hear), methods=["POST"])])

    @property
    def credentials(self) -> tuple[str, str]:
        """Its client id and secret."""
        return self._client_id, self._client_secret

    async def send(self, content: OrderContent) -> str | None:
        """Send an order, once written down; its order id, or None when the hub refused it for good.

        Raises HubUnreachable: then `resend` brings it there later, under the same number.
        """
        body = encode.encode_new_order(content)
        self.ledger.write(
            "INSERT OR IGNORE INTO sent VALUES (?, ?, ?, NULL, NULL)", content.external_order_id, body, time.time()
        )
        return await self._post(content.external_order_id, body)

    async def resend(self) -> int:
        """Send again whatever was never answered; how many orders that were."""
        open_orders = self.ledger.rows("SELECT * FROM sent WHERE order_id IS NULL AND refused IS NULL LIMIT 1000")
        for row in open_orders:
            await self._post(row["external_order_id"], row["body"])
        return len(open_orders)

    async def read(self, order_id: str) -> Answer:
        """The order as the hub tells it."""
        answer = await self._call("GET", f"/link/v2/orders/{order_id}", None)
        if isinstance(answer, NoAnswer):
            raise HubUnreachable(answer.reason)
        return answer

    async def _post(self, external_order_id: str, body: bytes) -> str | None:
        answer = await self._call("POST", "/link/v2/orders", body)
        if isinstance(answer, NoAnswer) or answer.status >= 500 or answer.status == 429:
            raise HubUnreachable(repr(answer))
        if answer.status in (200, 201):
            order_id = read_accepted(answer.body).order_id
            self.ledger.write("UPDATE sent SET order_id = ? WHERE external_order_id = ?", order_id, external_order_id)
            return order_id
        reason = answer.body.decode("utf-8", "replace")
        self.ledger.write("UPDATE sent SET refused = ? WHERE external_order_id = ?", reason, external_order_id)
        log.warning("the hub refused an order", external_order_id=external_order_id, status=answer.status, why=reason)
        return None

    async def _call(self, method: str, path: str, body: bytes | None) -> Answer | NoAnswer:
        for _ in range(2):
            if self._token is None:
                self._token = await self.new_token()
            headers = {"authorization": f"Bearer {self._token}", "content-type": "application/json"}
            answer = await self.outbound.send(
                Call(method, self.hub_url + path, headers, body, limits.POS_CALL_TIMEOUT_S, limits.POS_ANSWER_BYTES_MAX)
            )
            if isinstance(answer, NoAnswer) or answer.status != 401:
                return answer
            self._token = None  # it has expired: get another, once
        return answer

    async def new_token(self) -> str:
        """A fresh access token. Raises HubUnreachable."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret,
        }
        url = self.hub_url + "/link/v2/oauth/token"
        answer = await self.outbound.send(Call("POST", url, _FORM, urlencode(form).encode(), 10.0, 64 * 1024))
        if isinstance(answer, NoAnswer) or answer.status != 200:
            raise HubUnreachable(f"no token: {answer!r}")
        return decode.decode_token(answer.body).access_token

    async def _hear(self, request: Request) -> Response:
        raw = await read_body(request, limits.BODY_BYTES_MAX)
        try:
            verified = verify(dict(request.headers), raw, [self._webhook_secret], self.clock())
            event = decode_event(verified.id, raw)
        except (WebhookRefused, Refused) as refused:
            log.warning("webhook refused", why=repr(refused))
            return Response(status_code=401)
        if not isinstance(event, OrderEvent):
            self._hear_of_store(event, raw)
            return Response(status_code=204)
        self.ledger.write(
            "INSERT OR IGNORE INTO told VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            verified.id,
            event.order_id,
            event.external_order_id,
            event.type,
            event.status,
            event.sequence,
            raw,
            time.time(),
        )
        self.heard.set()
        return Response(status_code=204)

    def _hear_of_store(self, news: Event, raw: bytes) -> None:
        sql = "INSERT OR IGNORE INTO told VALUES (?, NULL, NULL, ?, NULL, NULL, ?, ?)"
        self.ledger.write(sql, news.id, news.type, raw, time.time())
        self.heard.set()
