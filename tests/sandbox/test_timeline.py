"""What the demo shows of an order: who sent it, and the number that people call it by."""

import io

from rich.console import Console

from builders import MARKETPLACE, NOW, an_order
from heard.domain.ids import ExternalOrderId, MarketplaceId
from heard.domain.order.lifecycle import Step
from heard.domain.order.model import Order, Status
from heard.protocols.ordering.encode import order_code
from heard.sandbox.timeline import Channels, Seen, line, table
from heard.storage.rows import HistoryRow

APPLICATION = MarketplaceId("app_1")
CHANNELS = Channels({MARKETPLACE: "Nosh", APPLICATION: "Crumbs"}, frozenset({APPLICATION}))
RECEIVED = HistoryRow(NOW, Step.RECEIVE, None, Status.RECEIVED, "channel", True, None)


def a_loyal_order() -> Order:
    uuid = ExternalOrderId("01a1ff99-8d7f-79fe-c968-c269b785685a")
    return an_order(marketplace_id=APPLICATION, external_order_id=uuid)


def test_a_line_names_the_channel_and_its_order() -> None:
    code = order_code(a_loyal_order().order_id)
    assert line(RECEIVED, an_order(), CHANNELS).split()[1:3] == ["Nosh", "X-1"]
    assert line(RECEIVED, a_loyal_order(), CHANNELS).split()[1:3] == ["Crumbs", code]


def test_the_table_has_a_column_of_channels() -> None:
    console = Console(width=120, file=(shown := io.StringIO()))
    seen = [Seen(order, [RECEIVED]) for order in (an_order(), a_loyal_order())]
    console.print(table(seen, NOW, "Hub ...", CHANNELS))
    rows = [text.split() for text in shown.getvalue().splitlines() if "14.03" in text]
    assert [row[0] for row in rows] == ["Nosh", "Crumbs"]


def test_an_order_of_a_channel_from_before_the_demo_knew_its_name_is_shown_all_the_same() -> None:
    stranger = an_order(marketplace_id=MarketplaceId("mkt_other"))
    assert "X-1" in line(RECEIVED, stranger, CHANNELS)
