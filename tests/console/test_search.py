"""The search takes any id of any party, and the list of orders any of its filters; neither shows what is others'."""

from html import unescape
from urllib.parse import quote

from builders import ORGANIZATION
from heard.domain.ids import OrganizationId, uuid_of
from heard.domain.order.model import Status
from heard.domain.people import Role
from parties import Town, a_town
from visiting import Guest, a_guest


async def leads_to(guest: Guest, text: str) -> str:
    """Where a search leads that has one hit; else what it says."""
    answer = await guest.get(f"/console/search?q={quote(text)}")
    return answer.headers["location"] if answer.status == 303 else guest.text


async def value(town: Town, sql: str, *given: str) -> str:
    return str(await town.house.hub.pool.fetchval(sql, *given))


async def test_any_id_of_any_party_leads_to_what_has_it(dsn: str) -> None:
    async with a_town(dsn) as town:
        order_id = await town.send("NOSH-99-BEEF")
        await town.send("NOSH-98-BEAD")
        order = await town.until(order_id, Status.COMPLETED)
        await town.told(order_id, "order.completed")
        sql = "UPDATE orders SET payment_ref = 'pi_77' WHERE order_id = $1"
        await town.house.hub.pool.execute(sql, order_id)
        event_id = await value(town, "SELECT event_id FROM events WHERE order_id = $1 LIMIT 1", order_id)
        exchange_id = await value(town, "SELECT exchange_id FROM exchanges WHERE order_id = $1 LIMIT 1", order_id)
        endpoint_id = await value(town, "SELECT endpoint_id FROM endpoints LIMIT 1")
        bare = order_id.removeprefix("ord_")
        page, store = f"/console/orders/{order_id}", f"/console/stores/{town.venue_id}"
        guest = await a_guest(town, Role.VIEWER)
        ids = [order_id, f"sub_{bare}", f"val_{bare}", f"pay_{bare}", uuid_of(order_id), "NOSH-99-BEEF", "pi_77"]
        for one in (*ids, str(order.pos_order_id), exchange_id, f"  {order_id} "):
            assert await leads_to(guest, one) == page, one
        assert await leads_to(guest, event_id) == f"/console/failures/events/{event_id}"
        for one in (town.venue_id, uuid_of(town.venue_id), "LOC-1", "Acme One", "acme o"):
            assert await leads_to(guest, one) == store, one
        for one in (order.marketplace_id, "nosh"):
            assert await leads_to(guest, one) == f"/console/orders?channel={order.marketplace_id}", one
        for one in (endpoint_id, uuid_of(endpoint_id)):
            assert await leads_to(guest, one) == f"/console/endpoints#{endpoint_id}", one


async def test_several_hits_are_listed_and_none_says_what_can_be_searched(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        one, two = await town.send("A-77-CAFE"), await town.send("B-78-CAFE")
        guest = await a_guest(town, Role.VIEWER)
        said = await leads_to(guest, "cafe")  # the end of both, as it is called out
        assert one in said
        assert two in said
        assert "the end of the channel's number" in said
        for text in ("nothing has this", "%", "_", "' OR 1=1 --", "ord_" + "x" * 26, "ord_", "\u202e", "🍔"):
            assert "The search takes any id of any party" in await leads_to(guest, text), text
        assert "Nothing has" not in await leads_to(guest, " ")
        assert "too long for any id" in await leads_to(guest, "x" * 201)
        assert "must not hold a NUL" in await leads_to(guest, "a\0b")
        await leads_to(guest, "<script>alert")
        assert "<script>alert" not in guest.page
        assert "&lt;script&gt;alert" in guest.page


async def test_what_another_organization_has_is_not_found(dsn: str) -> None:
    async with a_town(dsn) as town:
        order_id = await town.send("A-77-CAFE")
        order = await town.until(order_id, Status.COMPLETED)
        event_id = await value(town, "SELECT event_id FROM events WHERE order_id = $1 LIMIT 1", order_id)
        await town.house.hub.pool.execute("INSERT INTO organizations (organization_id) VALUES ('other')")
        guest = await a_guest(town, whose=OrganizationId("other"))
        for text in (order_id, "A-77-CAFE", str(order.pos_order_id), event_id, town.venue_id, "Acme", "nosh"):
            assert "Nothing has this id" in await leads_to(guest, text), text
        await guest.get("/console/orders")
        assert "There is no order yet" in guest.text
        everybody = await a_guest(town, login="everybody", whose=None)
        assert await leads_to(everybody, event_id) == f"/console/failures/events/{event_id}"


async def test_the_list_is_narrowed_and_paged(dsn: str) -> None:
    async with a_town(dsn, worker=False) as town:
        ids = [await town.send(f"P-{number:03}") for number in range(53)]
        hub, guest = town.house.hub, await a_guest(town, Role.VIEWER)
        sql = "UPDATE orders SET status = 'failed', attention = 'orphan_ticket' WHERE order_id = $1"
        await hub.pool.execute(sql, ids[7])

        async def shown(query: str) -> list[str]:
            answer = await guest.get(f"/console/orders{query}")
            assert answer.status == 200, answer.body
            return [one for one in ids if f'class="open" href="/console/orders/{one}"' in guest.page]

        assert set(await shown("")) == set(ids[3:])
        older = unescape(guest.page.partition('<p class="pages"><a href="/console/orders')[2].partition('"')[0])
        assert set(await shown(older)) == set(ids[:3])
        for query in (
            "?attention=true",
            "?status=failed",
            "?number=P-007",
            "?status=failed&store=acme",
            "?status=failed&channel=",
        ):
            assert await shown(query) == [ids[7]], query
        assert ids[7] not in await shown("?open=true")
        assert len(await shown("?status=open")) == 50
        assert await shown(f"?number=P-007&venue_id={town.venue_id}") == [ids[7]]
        assert await shown("?number=none") == []
        assert "No order fits" in guest.text
        assert await shown("?store=nowhere") == []
        assert "No store is called so" in guest.text
        for wrong in ("?status=lost", "?after=ord_1", "?attention=perhaps"):
            assert await shown(wrong) == [], wrong
            assert '<p class="notice bad" role="alert">' in guest.page, wrong
        assert ORGANIZATION not in guest.text
