"""The admin API's handlers for stores, their menus, and how their POS is."""

from starlette.responses import Response

from heard.domain.ids import VenueId
from heard.domain.order.model import Party
from heard.domain.stores import Store
from heard.engine import oversee
from heard.engine.add_parties import connect_store
from heard.engine.disconnect_store import disconnect_store
from heard.engine.hub import Hub
from heard.engine.pause_store import pause_store, resume_store
from heard.engine.publish_menu import publish_menu, unpublish_menu
from heard.engine.set_rules import set_hours, set_rules, set_taxes
from heard.http.admin.asked import AdminHandler, Asked, answer
from heard.protocols.admin import decode, encode, wire, wire_places
from heard.storage.marketplaces import Marketplace


def handlers(hub: Hub) -> dict[str, AdminHandler]:
    """Every handler by the name of its operation."""

    async def list_(asked: Asked) -> Response:
        count = decode.page_size(asked.query)
        rows = await oversee.stores_page(hub, asked.organization_id, count, asked.query.get("after", ""))
        last = rows[-1]["venue_id"] if len(rows) == count else None
        return answer(wire.StorePage(stores=[encode.store_view(row) for row in rows], next=last))

    async def read(asked: Asked) -> Response:
        row = await oversee.one_store(hub, asked.organization_id, VenueId(asked.path["venue_id"]))
        return answer(encode.store_view(row))

    async def menus(asked: Asked) -> Response:
        venue_id, count = VenueId(asked.path["venue_id"]), decode.page_size(asked.query)
        after = asked.query.get("after")
        found, current = await oversee.menu_versions(hub, asked.organization_id, venue_id, count, after)
        last = found[-1].version if len(found) == count else None
        return answer(wire.MenuPage(versions=[encode.menu_version(one, current) for one in found], next=last))

    async def health(asked: Asked) -> Response:
        count = decode.page_size(asked.query)
        rows = await oversee.stores_page(hub, asked.organization_id, count, asked.query.get("after", ""))
        last = rows[-1]["venue_id"] if len(rows) == count else None
        return answer(wire.PosHealthPage(stores=[encode.pos_health(row) for row in rows], next=last))

    return {
        "list_stores": list_,
        "read_store": read,
        "list_menus": menus,
        "list_health": health,
        **_steering(hub, read),
    }


def _steering(hub: Hub, read: AdminHandler) -> dict[str, AdminHandler]:
    """What changes a store; it is answered as it is then, or what is new about it."""

    async def pause(asked: Asked) -> Response:
        store = await _store(asked)
        await pause_store(hub, store, Party.STAFF, asked.body.reason, asked.body.duration_minutes)
        return await read(asked)

    async def resume(asked: Asked) -> Response:
        await resume_store(hub, await _store(asked), Party.STAFF)
        return await read(asked)

    async def connect(asked: Asked) -> Response:
        store = await _store(asked)
        found, new = await connect_store(hub, store.venue_id, asked.body.marketplace)
        return _connection(store, found, True, new)

    async def disconnect(asked: Asked) -> Response:
        store = await _store(asked)
        found, ended = await disconnect_store(hub, store.venue_id, asked.body.marketplace)
        return _connection(store, found, False, ended)

    async def rules(asked: Asked) -> Response:
        changes, store = decode.decode_rules(asked.body), await _store(asked)
        await set_rules(hub, store.venue_id, **changes)
        return await read(asked)

    async def hours(asked: Asked) -> Response:
        serving_times, store = decode.decode_hours(asked.body), await _store(asked)
        await set_hours(hub, store.venue_id, serving_times)
        return await read(asked)

    async def taxes(asked: Asked) -> Response:
        changes = decode.decode_taxes(asked.body)
        whose = await oversee.organization_for(hub, asked.organization_id, asked.body.organization_id)
        now = await set_taxes(hub, whose, **changes)
        body = wire_places.Taxes(rounding=now.rounding, per=now.per)
        return answer(wire_places.TaxesSet(organization_id=whose, taxes=body))

    async def publish(asked: Asked) -> Response:
        store = await _store(asked)
        new, version = await publish_menu(hub, store)
        return answer(wire.MenuPublished(venue_id=store.venue_id, published=True, new=new, version=version))

    async def unpublish(asked: Asked) -> Response:
        store = await _store(asked)
        return answer(
            wire.MenuPublished(venue_id=store.venue_id, published=False, new=await unpublish_menu(hub, store))
        )

    async def _store(asked: Asked) -> Store:
        return await oversee.store_of(hub, asked.organization_id, VenueId(asked.path["venue_id"]))

    return {
        "pause_store": pause,
        "resume_store": resume,
        "connect_store": connect,
        "disconnect_store": disconnect,
        "set_rules": rules,
        "set_hours": hours,
        "set_taxes": taxes,
        "publish_menu": publish,
        "unpublish_menu": unpublish,
    }


def _connection(store: Store, marketplace: Marketplace, connected: bool, new: bool) -> Response:
    body = wire.ConnectionState(
        venue_id=store.venue_id,
        marketplace_id=marketplace.marketplace_id,
        marketplace=marketplace.name,
        connected=connected,
        new=new,
    )
    return answer(body)
