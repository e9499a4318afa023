"""What an operator sets of a store holds from then on: its rules, its hours, how its organization counts taxes."""

from datetime import time

import pytest

from builders import ORGANIZATION, a_store
from heard.domain.hours import Day, ServingTime
from heard.domain.ids import LocationId, OrganizationId, VenueId
from heard.domain.pricing.cart import PricingRules, Rounding, TaxPer
from heard.domain.refusals import Refused
from heard.domain.stores import StoreRules, TaxRules
from heard.engine.add_parties import add_store
from heard.engine.set_rules import set_hours, set_rules, set_taxes
from parties import a_town

LATE = ServingTime((Day.FRI, Day.SAT), time(17), time(2, 30))


async def test_a_store_is_read_with_the_hours_it_was_added_with(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub = town.house.hub
        rules = StoreRules(prices_include_tax=True)
        other = VenueId(hub.new_id("ven", await hub.now()))
        store = a_store(venue_id=other, location_id=LocationId("L-2"), rules=rules, serving_times=(LATE,))
        await add_store(hub, store)
        assert await hub.store(other) == store
        assert store.pricing_rules == PricingRules(Rounding.HALF_UP, TaxPer.LINE, inclusive=True)


async def test_what_is_set_holds_at_once_here_and_after_a_while_elsewhere(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub, venue_id = town.house.hub, town.venue_id
        before = await hub.store(venue_id)
        assert before is not None
        assert (before.serving_times, before.taxes) == ((), TaxRules())
        assert (await set_hours(hub, venue_id, (LATE,))).serving_times == (LATE,)
        await set_rules(hub, venue_id, prices_include_tax=True)
        assert await set_taxes(hub, ORGANIZATION, per=TaxPer.ORDER) == TaxRules(Rounding.HALF_UP, TaxPer.ORDER)
        assert (await set_taxes(hub, ORGANIZATION, rounding=Rounding.HALF_EVEN)).per is TaxPer.ORDER
        store = await hub.store(venue_id)
        assert store is not None
        assert store.serving_times == (LATE,)
        assert store.pricing_rules == PricingRules(Rounding.HALF_EVEN, TaxPer.ORDER, inclusive=True)
        assert store.rules.prep_time_min == before.rules.prep_time_min


async def test_there_must_be_a_store_and_an_organization(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        with pytest.raises(Refused, match="There is no store"):
            await set_hours(town.house.hub, VenueId("ven_none"), ())
        with pytest.raises(Refused, match="there is no organization"):
            await set_taxes(town.house.hub, OrganizationId("nobody"), per=TaxPer.LINE)
