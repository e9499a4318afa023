"""A POS calls back about an order: verified like any answer, harmless when late or repeated."""

import time

from heard.connectors.posnext.answers import meaning
from heard.domain.ids import LocationId, OrderId, OrganizationId, RequestUid, VenueId, order_id_of
from heard.domain.order.plan import Task
from heard.domain.refusals import Code, Refused
from heard.domain.stores import Store
from heard.engine.change_order import Changed, change_order
from heard.engine.hub import Hub
from heard.protocols.posnext import auth, decode
from heard.protocols.posnext.operations import CALLBACK
from heard.storage.rows import Exchange

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
    try:
        auth.verify_answer(said, raw, digest, [store.pos.shared_id], store.pos.signature)
    except auth.DigestRefused as refused:
        raise Refused(Code.INVALID_DIGEST, refused.rule) from None
    order_id = _order_of(store, said.request_uid, said.location_id, said.organization_id)
    path = CALLBACK_PATH.format(venue_id=venue_id)
    exchange = Exchange(now, "in", "pos", "POST", path, 204, (time.perf_counter() - begun) * 1000)
    command = meaning(Task.SUBMIT, said, asked=False)
    return await change_order(hub, store, order_id, [command], exchanges=[exchange], announce=True)


def _order_of(
    store: Store, uid: RequestUid, location_id: LocationId, organization_id: OrganizationId | None
) -> OrderId:
    if organization_id not in (None, store.organization_id):
        raise Refused(Code.ORGANIZATION_MISMATCH, "The callback names another organization.")
    order_id = order_id_of(uid)
    if location_id != store.location_id or order_id is None:
        raise Refused(Code.UNKNOWN_ORDER, f"There is no order for request_uid {uid!r} at this location.")
    return order_id
