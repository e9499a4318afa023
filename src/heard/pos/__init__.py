"""The POS kit: write one class, and your POS speaks posnext.

`heard pos serve mypackage:MyPOS` serves it; `app(MyPOS(), shared_id=...)` is the same as an ASGI app to mount.
"""

from typing import Any

from heard.domain.ids import LocationId, ModifierId, PriceLevelId, ProductId
from heard.domain.menu.model import (
    Availability,
    ComboComponent,
    Menu,
    MenuSection,
    Modifier,
    ModifierGroup,
    PriceRule,
    Product,
    ProductType,
)
from heard.domain.money import Cents
from heard.domain.order.content import Customer
from heard.domain.pos import (
    ItemType,
    KitchenState,
    PosItem,
    PosOrderType,
    PosPayment,
    PosTotals,
)
from heard.domain.refusals import Refused
from heard.pos.adapter import (
    Adapter,
    AdapterError,
    Cancelled,
    Cancels,
    Errored,
    Lives,
    Location,
    Order,
    OrderRef,
    Placed,
    Rejected,
    Standing,
    Validated,
)
from heard.pos.kit import PosApp
from heard.pos.options import OptionError, Options, read_options
from heard.pos.store import StoreError
from heard.protocols.posnext.menus import decode_menu as read_menu

__all__ = [
    "Adapter",
    "AdapterError",
    "Availability",
    "Cancelled",
    "Cancels",
    "Cents",
    "ComboComponent",
    "Customer",
    "Errored",
    "ItemType",
    "KitchenState",
    "Lives",
    "Location",
    "LocationId",
    "Menu",
    "MenuSection",
    "Modifier",
    "ModifierGroup",
    "ModifierId",
    "OptionError",
    "Options",
    "Order",
    "OrderRef",
    "Placed",
    "PosApp",
    "PosItem",
    "PosOrderType",
    "PosPayment",
    "PosTotals",
    "PriceLevelId",
    "PriceRule",
    "Product",
    "ProductId",
    "ProductType",
    "Refused",
    "Rejected",
    "Standing",
    "StoreError",
    "Validated",
    "app",
    "read_menu",
]


def app(adapter: Adapter, **given: Any) -> PosApp:
    """The kit as an ASGI app: serve it, or mount it in FastAPI, Starlette or Django.

    Takes the settings of docs/reference/settings.md by name: `shared_id` (one, or the one in use and the one before
    it), `store`, `amounts`, `signature`, `answer_within_s`, `at_once`, `allow`; what is not given comes from
    HEARD_POS_... Raises AdapterError or OptionError in one line.
    """
    return PosApp(adapter, read_options(**given))
