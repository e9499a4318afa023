"""When a store is open and how its taxes are rounded: the commands below `heard stores`, which cli/stores.py names."""

from heard.cli.arguments import ApiJson, Flag, Venue
from heard.cli.office import office
from heard.cli.output import console, fail, print_json
from heard.cli.running import run
from heard.clients.admin import operations as call
from heard.domain.hours import Day, read_serving_time
from heard.domain.pricing.cart import Rounding, TaxPer
from heard.protocols.admin.wire_places import ServingTime, SetHours, SetTaxes, Taxes


def hours(venue: Venue, *times: str, always: Flag = False, json: ApiJson = False) -> None:
    """Say when a store is open, by its own clock, in place of what held before. Orders of the Ordering API keep to it.

    For example:

        heard stores hours ven_01kdvp1e000000000000000000 mon-fri=08:00-22:00 sat,sun=10:00-02:00
        heard stores hours ven_01kdvp1e000000000000000000 --always

    Parameters
    ----------
    times
        DAYS=FROM-TO, as many as there are. One that ends no later than it begins ends on the next day.
    always
        At any hour.
    """
    if always == bool(times):
        raise fail("stores hours: give serving times such as mon-fri=08:00-22:00, or --always")
    run(_hours(venue, SetHours(serving_times=[_serving_time(one) for one in times]), json))


def taxes(
    *,
    rounding: Rounding | None = None,
    per: TaxPer | None = None,
    organization: str | None = None,
    json: ApiJson = False,
) -> None:
    """Change how the taxes of an organization are rounded, at all its stores; what is not named stays.

    For example:

        heard stores taxes --rounding half-even --per order

    Parameters
    ----------
    rounding
        Where half a cent goes: up (half-up), or to the even neighbour (half-even).
    per
        What is rounded: the tax of each line, or of the whole order.
    organization
        The brand; not needed while there is only one, nor with a key.
    """
    if rounding is None and per is None:
        raise fail("stores taxes: name what is to change, such as --per order; see `heard stores taxes --help`")
    run(_taxes(SetTaxes(rounding=rounding, per=per, organization_id=organization), json))


def _serving_time(text: str) -> ServingTime:
    days, _, span = text.partition("=")
    opens, _, closes = span.partition("-")
    try:
        named = read_serving_time([day for part in days.split(",") for day in _days(part)], opens, closes)
    except ValueError as error:
        raise fail(f"{text!r}: {error}; write it as mon-fri=08:00-22:00") from None
    return ServingTime(days=list(named.days), opens=f"{named.opens:%H:%M}", closes=f"{named.closes:%H:%M}")


def _days(part: str) -> list[str]:
    """`fri-mon` is a row of days, over the end of the week too."""
    first, dash, last = part.partition("-")
    week = [*Day, *Day]
    if not dash or first not in week or last not in week:
        return [part]
    begins = week.index(Day(first))
    return [day.value for day in week[begins : week.index(Day(last), begins) + 1]]


async def _hours(venue_id: str, body: SetHours, json: bool) -> None:
    async with office() as hub:
        store = await hub.call(call.SET_HOURS, body, venue_id=venue_id)
    if json:
        print_json(store)
    else:
        console.print(f"{venue_id} serves {'; '.join(map(served, store.serving_times)) or 'at any hour'}.")


async def _taxes(body: SetTaxes, json: bool) -> None:
    async with office() as hub:
        changed = await hub.call(call.SET_TAXES, body)
    if json:
        print_json(changed)
    else:
        console.print(f"{changed.organization_id} rounds taxes {rounded(changed.taxes)}.")


def rounded(taxes: Taxes) -> str:
    """For people."""
    return f"{taxes.rounding.replace('_', ' ')}, per {taxes.per}"


def served(one: ServingTime) -> str:
    """For people."""
    return f"{','.join(one.days)} {one.opens}-{one.closes}"


COMMANDS = (hours, taxes)
