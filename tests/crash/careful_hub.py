"""A hub that does as wire.md 1.6 says, and no more: an unknown outcome is asked about, and sent again only on 404."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime

from heard import limits
from heard.domain.pos import PosAnswer, PosCancel, PosOrder, PosStatus
from heard.domain.stores import PosConnection
from heard.net.call import Answer, Call, NoAnswer
from heard.net.outbound import Outbound
from heard.protocols.posnext import auth, decode, encode

_BETWEEN_S = 0.02


@dataclass(slots=True)
class CarefulHub:
    """Talks to one POS about orders; `promised` are the orders that were answered 202."""

    connection: PosConnection
    outbound: Outbound
    promised: set[str] = field(default_factory=set)

    async def settle(self, order: PosOrder) -> PosAnswer:
        """Submit, and stay at it until there is a final answer."""
        unknown = False
        while True:
            answer = await (self.read(order.request_uid, order) if unknown else self.submit(order, watched=True))
            if isinstance(answer, NoAnswer):
                unknown = unknown or answer.sent
            elif answer.status in (200, 202):
                said = self.verified(answer)
                assert said.request_uid == order.request_uid
                if said.status is not PosStatus.PENDING:
                    return said
                if answer.status == 202:
                    self.promised.add(order.request_uid)
                unknown = True
            elif unknown and answer.status == 404:
                unknown = False
            elif not unknown and answer.headers.get("content-type") != "application/problem+json":
                unknown = True
            await asyncio.sleep(_BETWEEN_S)

    async def take_back(self, order: PosOrder) -> PosAnswer:
        """Ask for the ticket back, and stay at it until there is a final answer."""
        cancel = PosCancel(
            order.request_uid,
            order.request_datetime,
            order.organization_id,
            order.location_id,
            order.online_order_id,
            "cancelled_by_guest",
        )
        raw = encode.encode_cancel(cancel)
        digest = auth.sign_cancel(cancel, raw, self.connection)
        headers = {auth.DIGEST_HEADER: digest, "content-type": "application/json"}
        while True:
            answer = await self._send(
                "POST", f"/posnext/orders/{order.request_uid}/cancel", raw, headers, order, watched=True
            )
            if isinstance(answer, Answer) and answer.status in (200, 202):
                said = self.verified(answer)
                if said.status is not PosStatus.PENDING:
                    return said
            await asyncio.sleep(_BETWEEN_S)

    async def submit(self, order: PosOrder, *, watched: bool = False) -> Answer | NoAnswer:
        raw = encode.encode_order(order, self.connection.amounts)
        headers = {auth.DIGEST_HEADER: auth.sign_order(order, raw, self.connection), "content-type": "application/json"}
        return await self._send("POST", "/posnext/order/submit", raw, headers, order, watched)

    async def read(self, ref: str, order: PosOrder, *, watched: bool = True) -> Answer | NoAnswer:
        return await self._send("GET", f"/posnext/orders/{ref}", None, {}, order, watched)

    async def certain(self, order: PosOrder, *, read: bool = False) -> Answer:
        """The answer to a call that changes nothing any more; asked again where the kit dies of something else."""
        while True:
            call = self.read(order.request_uid, order, watched=False) if read else self.submit(order)
            if isinstance(answer := await call, Answer):
                return answer
            await asyncio.sleep(_BETWEEN_S)

    def verified(self, answer: Answer) -> PosAnswer:
        said = decode.decode_answer(answer.body, self.connection.amounts)
        digest = answer.headers.get(auth.DIGEST_HEADER)
        auth.verify_answer(said, answer.body, digest, [self.connection.shared_id], self.connection.signature)
        return said

    async def _send(
        self, method: str, path: str, raw: bytes | None, headers: dict[str, str], order: PosOrder, watched: bool
    ) -> Answer | NoAnswer:
        token = auth.make_token(self.connection.shared_id, order.organization_id or "", datetime.now(UTC), "t")
        sent = {"authorization": f"Bearer {token}", **headers}
        if watched:
            sent["x-request-id"] = order.request_uid
        url = self.connection.url + path
        return await self.outbound.send(Call(method, url, sent, raw, 5.0, limits.POS_ANSWER_BYTES_MAX))
