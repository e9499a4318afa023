"""Looking for a POS that is gone: one cheap call at the probe's time, under a lease, its outcome to the engine."""

from heard.connectors.contract import Occasion
from heard.engine.hub import Hub
from heard.engine.watch_pos import pos_probed
from heard.net.outbound import Outbound
from heard.storage.health import Watched


async def probe(hub: Hub, outbound: Outbound, watched: Watched) -> None:
    """Make one probe of a leased POS."""
    store = await hub.store(watched.venue_id)
    assert store is not None  # a store is never deleted
    occasion = Occasion(watched.now, hub.new_id("call", watched.now), None)
    order_id = watched.health.last_order_id
    answer = await outbound.send(hub.connector.probe_call(store, order_id, occasion))
    await pos_probed(hub, store, hub.connector.read_probe(store, order_id, answer), watched.lease)
