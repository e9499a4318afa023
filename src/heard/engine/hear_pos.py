"""A POS calls back about an order: verified like any answer, harmless when late or repeated."""

import time

from heard.connectors.contract import GOOD
from heard.connectors.posnext.answers import meaning
from heard.domain.ids import ExchangeId, LocationId, OrderId, OrganizationId, RequestUid, VenueId, order_id_of
from heard.domain.order.plan import Task
from heard.domain.pos import PosAnswer
from heard.domain.refusals import Code, Refused
from heard.domain.stores import Store
from heard.engine.change_order import Changed, change_order
from heard.engine.hub import Hub
from heard.net import tracing
from heard.protocols.posnext import auth, decode
from heard.protocols.posnext.operations import CALLBACK
from heard.storage import exchanges
from heard.storage.rows import Exchange, OrderRef

CALLBACK_PATH = CALLBACK.path


def callback_url(hub: Hub, store: Store) -> str | None:
    """Where a store's POS may call back; None when the hub does not know how it is reached."""
    return hub.public_url + CALLBACK_PATH.format(venue_id=store.venue_id) if hub.public_url else None


async def hear_pos(hub: Hub, venue_id: VenueId, authorization: str | None, digest: str | None, raw: bytes) -> Changed:
    """Take a callback in. Raises Refused; the rule that failed is in its text for the log, never for the caller."""
    begun = time.perf_counter()
    store = await hub.store(venue_id)
    if store is None or store.pos is None:
        raise Refused(Code.INVALID_TOKEN, f"callback for a venue {venue_id!r} that is unknown or has no POS")
    now = await hub.now()
    try:
        auth.verify_token(authorization, [store.pos.shared_id], now, store.organization_id)
    except auth.TokenRefused as refused:
        raise Refused(Code.INVALID_TOKEN, refused.rule) from None
    said = decode.decode_answer(raw, store.pos.amounts)
    path, request_id = CALLBACK_PATH.format(venue_id=venue_id), tracing.request_id()

    def heard(status: int, verdict: str) -> Exchange:
        ms = (time.perf_counter() - begun) * 1000
        return Exchange(now, "in", "pos", "POST", path, status, ms, None, raw, verdict, request_id)

    try:
        auth.verify_answer(said, raw, digest, [store.pos.shared_id], store.pos.signature)
    except auth.DigestRefused as refused:
        await _record(hub, store, said, heard(401, f"bad: {refused.rule}"))
        raise Refused(Code.INVALID_DIGEST, refused.rule) from None
    order_id = _order_of(store, said.request_uid, said.location_id, said.organization_id)
    exchange = heard(204, GOOD)
    command = meaning(Task.SUBMIT, said, asked=False)
    return await change_order(hub, store, order_id, [command], exchanges=[exchange], announce=True)


async def _record(hub: Hub, store: Store, said: PosAnswer, exchange: Exchange) -> None:
    """A callback that is refused for its digest stands with its order: its token was good, so that it came from who
    knows the SharedId. Of whoever has no token nothing is kept: anybody could fill the disk.
    """
    try:
        order_id = _order_of(store, said.request_uid, said.location_id, said.organization_id)
    except Refused:
        return
    exchange_id = ExchangeId(hub.new_id("exc", exchange.at))
    async with hub.connection() as connection:
        ref = OrderRef(store.organization_id, order_id)
        await exchanges.add(connection, ref, store.venue_id, exchange_id, exchange)


def _order_of(
    store: Store, uid: RequestUid, location_id: LocationId, organization_id: OrganizationId | None
) -> OrderId:
    if organization_id not in (None, store.organization_id):
        raise Refused(Code.ORGANIZATION_MISMATCH, "The callback names another organization.")
    order_id = order_id_of(uid)
    if location_id != store.location_id or order_id is None:
        raise Refused(Code.UNKNOWN_ORDER, f"There is no order for request_uid {uid!r} at this location.")
    return order_id
