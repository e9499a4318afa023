"""An application that may order at a town's counter, and whose guests pay through the built-in provider."""

from dataclasses import dataclass

from heard.clients.ordering import OrderingClient
from heard.domain.ids import OrderId, SingularPointId, id_from_uuid, payment_id_of, uuid_of
from heard.domain.order_types import OrderType
from heard.domain.payments import PaymentState
from heard.engine.add_parties import NewApplication
from heard.engine.singular_points import add_point
from ordering import an_app
from parties import Town
from paying import use_test_provider

_BOOKS = "SELECT held, taken - given_back AS kept FROM test_charges WHERE charge_id = $1"


@dataclass(frozen=True, slots=True)
class Counter:
    """Where it orders, and as whom."""

    town: Town
    made: NewApplication
    point_id: SingularPointId

    @property
    def point(self) -> str:
        """As the Ordering API writes it."""
        return uuid_of(self.point_id)

    def client(self, *, with_secret: bool = True, retry: bool = True) -> OrderingClient:
        made = self.made
        known = (made.application_id, made.client_secret) if with_secret else (None, None)
        local = ["127.0.0.0/8"]
        return OrderingClient(self.town.hub_url, made.application_key, *known, allow=local, retry=retry)

    async def money(self, order_id: str) -> tuple[PaymentState, int, int]:
        """An order's payment by the hub, and by the provider's books: what is held, and what is kept, in cents."""
        known = order_id_of(order_id)
        state = (await self.town.order(known)).payment
        charge = payment_id_of(known).replace("pay_", "test_", 1)
        row = await self.town.house.hub.pool.fetchrow(_BOOKS, charge)
        return (state, row["held"], row["kept"]) if row else (state, 0, 0)


def order_id_of(uuid: str) -> OrderId:
    """Our own id of an order."""
    found = id_from_uuid("ord", uuid)
    assert found is not None
    return OrderId(found)


async def a_counter(town: Town) -> Counter:
    """Made known to the town's hub, as an operator would."""
    await use_test_provider(town)
    app = await an_app(town, "mine")
    store = await town.house.hub.store(town.venue_id)
    assert store is not None
    point = await add_point(town.house.hub, store, "Counter", tuple(OrderType))
    return Counter(town, app.made, point.singular_point_id)
