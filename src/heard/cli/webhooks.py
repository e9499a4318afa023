"""`heard webhooks`: where marketplaces are told, what did not reach them, and sending it again."""

import json as json_text
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import App, Parameter, validators

from heard import limits
from heard.bootstrap import House
from heard.cli.arguments import Json, Page, is_web_address
from heard.cli.output import console, fail, print_json, print_rows, printable, when
from heard.cli.running import house, run
from heard.domain.ids import EndpointId, EventId, OrganizationId
from heard.engine import webhook_endpoints
from heard.engine.resend_events import Replay, count_replay, enabled_of, resend_event
from heard.engine.resend_events import resend as resend_all
from heard.engine.webhook_endpoints import NewSecret
from heard.storage import deliveries, endpoints, marketplaces
from heard.storage.deliveries import DeliveryState
from heard.storage.marketplaces import Marketplace

app = App(name="webhooks", help="Where marketplaces are told of events; what did not reach them, and sending it again.")

_Flag = Annotated[bool, Parameter(negative="")]
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@app.command(name="endpoints")
def endpoints_(marketplace: str | None = None, *, limit: Page = 100, after: str = "", json: Json = False) -> None:
    """List webhook endpoints: how each does, what waits for it, what is dead.

    For example:

        heard webhooks endpoints nosh

    Parameters
    ----------
    marketplace
        Only this one's, by name or id.
    limit
        How many at most.
    after
        The id of the last endpoint of the page before this one.
    json
        Print one JSON document: {"endpoints": [...], "next": ID or null}.
    """
    run(_endpoints(marketplace, limit, after, json))


@app.command
def add(marketplace: str, url: str, *, json: Json = False) -> None:
    """Add an endpoint to a marketplace; prints its secret, this once. It gets what comes about from now on.

    For example:

        heard webhooks add nosh https://nosh.example/heard-orders

    Parameters
    ----------
    marketplace
        Its name or id.
    url
        Where it wants to be told.
    json
        Print one JSON document.
    """
    if not is_web_address(url) or len(url) > limits.ENDPOINT_URL_MAX:
        raise fail(f"URL: {url[:80]!r} is not an address such as https://nosh.example/heard")
    run(_add(marketplace, url, json))


@app.command
def disable(endpoint: str, *, reason: str = "by the operator", json: Json = False) -> None:
    """Send nothing to an endpoint any more; what waits for it is dead-lettered, and can be sent when it is enabled.

    For example:

        heard webhooks disable whk_01kdvp1e000000000000000000 --reason "they asked for it"

    Parameters
    ----------
    endpoint
        Its id (whk_...).
    reason
        Why; its marketplace reads it in `endpoint.disabled`.
    json
        Print one JSON document.
    """
    if not 0 < len(reason) <= limits.REASON_MAX:
        raise fail(f"--reason: 1 to {limits.REASON_MAX} characters, these are {len(reason)}")
    run(_disable(EndpointId(endpoint), reason, json))


@app.command
def enable(endpoint: str, *, resend: _Flag = False, json: Json = False) -> None:
    """Send to a disabled endpoint again; with --resend also what has died since it began to fail.

    What came about while it was disabled is in the feed, and is sent by `heard webhooks replay --all --since TIME`.

    For example:

        heard webhooks enable whk_01kdvp1e000000000000000000 --resend

    Parameters
    ----------
    endpoint
        Its id (whk_...).
    resend
        Send what is dead since it began to fail, in order.
    json
        Print one JSON document.
    """
    run(_enable(EndpointId(endpoint), resend, json))


@app.command
def remove(endpoint: str, *, json: Json = False) -> None:
    """Remove an endpoint for good; what waits for it is dead-lettered.

    For example:

        heard webhooks remove whk_01kdvp1e000000000000000000

    Parameters
    ----------
    endpoint
        Its id (whk_...).
    json
        Print one JSON document.
    """
    run(_remove(EndpointId(endpoint), json))


@app.command(name="rotate-secret")
def rotate_secret(
    endpoint: str,
    *,
    keep_old_hours: Annotated[
        float, Parameter(validator=validators.Number(gte=0, lte=limits.OLD_SECRET_HOURS_MAX))
    ] = 24.0,
    json: Json = False,
) -> None:
    """Give an endpoint a new secret; prints it, this once. Deliveries are signed with both until the old one ends.

    For example:

        heard webhooks rotate-secret whk_01kdvp1e000000000000000000 --keep-old-hours 48

    Parameters
    ----------
    endpoint
        Its id (whk_...).
    keep_old_hours
        How long the old secret signs too; 0 ends it at once, for one that leaked.
    json
        Print one JSON document.
    """
    run(_rotate(EndpointId(endpoint), keep_old_hours, json))


@app.command(name="list")
def list_(
    *,
    dead: _Flag = False,
    due: _Flag = False,
    delivered: _Flag = False,
    endpoint: str | None = None,
    limit: Page = 20,
    before: str | None = None,
    json: Json = False,
) -> None:
    """List deliveries, those of the newest events first.

    For example:

        heard webhooks list --dead --endpoint whk_01kdvp1e000000000000000000

    Parameters
    ----------
    dead
        Only dead letters: their retries are used up.
    due
        Only those on their way.
    delivered
        Only those that were taken.
    endpoint
        Only to this endpoint (whk_...).
    limit
        How many at most.
    before
        The `next` of the page before this one, or an event's id.
    json
        Print one JSON document: {"deliveries": [...], "next": TEXT or null}.
    """
    flags = ((DeliveryState.DEAD, dead), (DeliveryState.DUE, due), (DeliveryState.DELIVERED, delivered))
    states = [state for state, wanted in flags if wanted]
    if len(states) > 1:
        raise fail("give one of --dead, --due and --delivered, or none for all")
    run(_list(states[0] if states else None, endpoint, limit, before, json))


@app.command
def show(event: str, *, json: Json = False) -> None:
    """Show an event: its body, where it goes, every attempt to deliver it.

    For example:

        heard webhooks show evt_01kdvp1e000000000000000000

    Parameters
    ----------
    event
        Its id (evt_...), which is also the webhook-id.
    json
        Print one JSON document.
    """
    run(_show(EventId(event), json))


@app.command
def resend(event: str, *, endpoint: str | None = None, json: Json = False) -> None:
    """Send an event again, under its own id and with a fresh row of retries, also one that was taken.

    For example:

        heard webhooks resend evt_01kdvp1e000000000000000000

    Parameters
    ----------
    event
        Its id (evt_...).
    endpoint
        Only to this endpoint (whk_...); to every enabled one of its marketplace if none is given.
    json
        Print one JSON document.
    """
    run(_resend(EventId(event), EndpointId(endpoint) if endpoint else None, json))


async def _endpoints(marketplace: str | None, limit: int, after: str, json: bool) -> None:
    async with house() as opened:
        whose = (await marketplace_named(opened, marketplace)).marketplace_id if marketplace else None
        async with opened.hub.connection() as connection:
            rows = [dict(row) for row in await endpoints.list_endpoints(connection, limit, after, whose)]
    if json:
        print_json({"endpoints": rows, "next": rows[-1]["endpoint_id"] if len(rows) == limit else None})
        return
    people = [{**row, "state": _standing(row)} for row in rows]
    columns = {
        "endpoint_id": "Endpoint",
        "marketplace": "Marketplace",
        "url": "Address",
        "due": "Due",
        "dead": "Dead",
        "state": "State",
    }
    print_rows("Webhook endpoints", people, columns, "No endpoints. Add one: heard webhooks add MARKETPLACE URL")


def _standing(row: dict[str, Any]) -> str:
    if row["disabled_at"] is not None:
        return f"disabled {when(row['disabled_at'])}: {printable(row['disabled_why'] or 'for a reason of before')}"
    if row["failing_since"] is not None:
        return f"failing since {when(row['failing_since'])}, {row['failures']} in a row"
    return "well"


async def marketplace_named(opened: House, name_or_id: str) -> Marketplace:
    """The one marketplace of a name or an id; ends the process with one line when there is not exactly one."""
    async with opened.hub.connection() as connection:
        found = await marketplaces.find_marketplaces(connection, name_or_id)
    if not found:
        raise fail(f"there is no marketplace {name_or_id!r}; see `heard marketplaces list`")
    if len(found) > 1:
        ids = ", ".join(one.marketplace_id for one in found[:10])
        raise fail(f"{name_or_id!r} is the name of several marketplaces; give one of their ids: {ids}")
    return found[0]


async def _add(marketplace: str, url: str, json: bool) -> None:
    async with house() as opened:
        whose = await marketplace_named(opened, marketplace)
        made = await webhook_endpoints.add_endpoint(opened.hub, whose, url)
    if json:
        print_json({"endpoint_id": made.endpoint_id, "url": url, "webhook_secret": made.secret})
        return
    console.print(f"{whose.name} is told at {url} from now on. Keep the secret now; it is not shown again:")
    _print_secret(made)


def _print_secret(made: NewSecret) -> None:
    console.print(f"  endpoint        {made.endpoint_id}\n  webhook secret  {made.secret}", soft_wrap=True)


async def _disable(endpoint_id: EndpointId, reason: str, json: bool) -> None:
    async with house() as opened:
        found = await webhook_endpoints.find_endpoint(opened.hub, endpoint_id)
        new = await webhook_endpoints.disable_endpoint(opened.hub, found.organization_id, endpoint_id, reason)
    if json:
        print_json({"endpoint_id": endpoint_id, "disabled": True, "changed": new})
    else:
        console.print(f"{endpoint_id} is disabled{'' if new else ' already'}.")


async def _enable(endpoint_id: EndpointId, again: bool, json: bool) -> None:
    count = 0
    async with house() as opened:
        was = await webhook_endpoints.enable_endpoint(opened.hub, endpoint_id)
        since = was.trouble_since
        if again and since is not None:
            replay = Replay(was.organization_id, (endpoint_id,), _BEGINNING, dead_since=since)
            async for done, _ in resend_all(opened.hub, replay):
                count = done
    if json:
        changed = was.disabled_at is not None
        print_json({"endpoint_id": endpoint_id, "disabled": False, "changed": changed, "resent": count})
        return
    console.print(f"{endpoint_id} is enabled{'' if was.disabled_at else ' already'}.")
    if again:
        console.print(f"{count} events go out again.")


async def _remove(endpoint_id: EndpointId, json: bool) -> None:
    async with house() as opened:
        gone = await webhook_endpoints.remove_endpoint(opened.hub, endpoint_id)
    if json:
        print_json({"endpoint_id": endpoint_id, "removed": True})
    else:
        console.print(f"{endpoint_id} ({gone.url}) is removed.", soft_wrap=True)


async def _rotate(endpoint_id: EndpointId, keep_old_hours: float, json: bool) -> None:
    async with house() as opened:
        made = await webhook_endpoints.rotate_secret(opened.hub, endpoint_id, keep_old_hours * 3600.0)
    if json:
        print_json({"endpoint_id": endpoint_id, "webhook_secret": made.secret, "old_secret_until": made.old_until})
        return
    until = f"signs too until {when(made.old_until)} UTC" if made.old_until else "counts no more"
    console.print(f"A new secret; the old one {until}. Keep it now; it is not shown again:")
    _print_secret(made)


async def _list(state: DeliveryState | None, endpoint: str | None, limit: int, before: str | None, json: bool) -> None:
    event_id, _, endpoint_id = (before or "").partition("/")
    place = (event_id, endpoint_id) if before else None
    only = EndpointId(endpoint) if endpoint else None
    async with house() as opened, opened.hub.connection() as connection:
        found = await deliveries.newest(connection, limit, state=state, endpoint_id=only, before=place)
    rows = [{**dict(row), "type": json_text.loads(row["body"])["type"]} for row in found]
    for row in rows:
        del row["body"]
    then = f"{rows[-1]['event_id']}/{rows[-1]['endpoint_id']}" if len(rows) == limit else None
    if json:
        print_json({"deliveries": rows, "next": then})
        return
    for row in rows:
        row |= {"last_error": printable(row["last_error"] or ""), "about": row["order_id"] or row["venue_id"]}
    columns = {"event_id": "Event", "type": "Type", "about": "About", "endpoint_id": "Endpoint"}
    columns |= {"state": "State", "attempts": "Attempts", "last_error": "Last fault"}
    print_rows("Deliveries", rows, columns, "No such deliveries.")
    if then:
        console.print(f"More: --before {then}", soft_wrap=True)


async def _show(event_id: EventId, json: bool) -> None:
    async with house() as opened, opened.hub.connection() as connection:
        told = await deliveries.find_event(connection, event_id)
        if told is None:
            raise fail(f"there is no event {event_id!r}; see `heard webhooks list`")
        ways = [dict(row) for row in await deliveries.of_event(connection, told)]
        attempts = [dict(row) for row in await deliveries.attempts_at(connection, told)]
    body = json_text.loads(told.body)
    if json:
        whose = {"organization_id": told.organization_id, "marketplace_id": told.marketplace_id}
        print_json({"event_id": event_id, **whose, "body": body, "deliveries": ways, "attempts": attempts})
        return
    console.print(f"[bold]{event_id}[/bold]  {body['type']}  {when(told.created_at)} UTC", soft_wrap=True)
    console.print(json_text.dumps(body, indent=2), soft_wrap=True, markup=False)
    columns = {"endpoint_id": "Endpoint", "url": "Address", "state": "State", "next_at": "Next", "attempts": "Attempts"}
    print_rows("\nDeliveries", ways, columns, "\nIt is in the feed only: no endpoint was enabled when it came about.")
    if attempts:
        people = [{**one, "ms": f"{one['ms']:.0f}", "error": printable(one["error"] or "")} for one in attempts]
        names = {"at": "UTC", "endpoint_id": "Endpoint", "status": "Answer", "ms": "ms", "error": "Fault"}
        print_rows("\nAttempts", people, names, "")


async def _resend(event_id: EventId, endpoint_id: EndpointId | None, json: bool) -> None:
    async with house() as opened:
        count = await resend_event(opened.hub, event_id, endpoint_id)
    if json:
        print_json({"event_id": event_id, "resent": count})
    elif count:
        console.print(f"{event_id} goes out again to {count} {'endpoint' if count == 1 else 'endpoints'}.")
    else:
        console.print(f"{event_id} goes nowhere: it is under way just now, or no endpoint is enabled.")


@app.command
def replay(
    *,
    since: datetime,
    until: datetime | None = None,
    endpoint: str | None = None,
    marketplace: str | None = None,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    after: str | None = None,
    dry_run: _Flag = False,
    json: Json = False,
) -> None:
    """Send dead letters again, the oldest first, each order's in order. May be broken off and begun again.

    For example:

        heard webhooks replay --since 2026-11-20T18:00 --marketplace nosh --dry-run

    Parameters
    ----------
    since
        Events of this time and later; UTC, unless it says otherwise.
    until
        Events before this time.
    endpoint
        Only to this endpoint (whk_...).
    marketplace
        Only to this marketplace's endpoints, by name or id.
    all_
        Also what was taken, and what came about while an endpoint was disabled or not there yet.
    after
        Go on behind this event: what a replay that was broken off has printed last.
    dry_run
        Only count.
    json
        Print one JSON document: {"endpoints": {ID: count}, "resent": count}.
    """
    if endpoint and marketplace:
        raise fail("give --endpoint or --marketplace, not both")
    begin, end = _in_utc(since), _in_utc(until) if until else None
    if end is not None and end <= begin:
        raise fail("--until: must be later than --since")
    behind = EventId(after) if after else None
    wish = Replay(OrganizationId(""), (), begin, end, everything=all_, after=behind)  # whose is found out below
    run(_replay(wish, endpoint, marketplace, dry_run, json))


def _in_utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


async def _replay(wish: Replay, endpoint: str | None, marketplace: str | None, dry_run: bool, json: bool) -> None:
    async with house() as opened:
        chosen = await _chosen(opened, endpoint, marketplace)
        replays = [replace(wish, organization_id=whose, endpoint_ids=ids) for whose, ids in chosen.items()]
        counts: dict[EndpointId, int] = {}
        for one in replays:
            counts |= await count_replay(opened.hub, one)
        total, sent = sum(counts.values()), 0
        for one in replays if not dry_run else []:
            sent += await _replay_one(opened, one, sent, total)
    if json:
        print_json({"endpoints": counts, "resent": sent})
    elif dry_run:
        rows = [{"endpoint": endpoint_id, "count": count} for endpoint_id, count in counts.items()]
        print_rows(
            "Would go out again", rows, {"endpoint": "Endpoint", "count": "Events"}, "Nothing would go out again."
        )
    else:
        console.print(f"{sent} events go out again.")


async def _replay_one(opened: House, replay: Replay, before: int, total: int) -> int:
    """Progress goes to stderr, so that what is printed stays what was asked for."""
    done = 0
    async for count, last in resend_all(opened.hub, replay):
        done = count
        print(f"{before + done} of {total} are due; last {last}", file=sys.stderr)
    return done


async def _chosen(
    opened: House, endpoint: str | None, marketplace: str | None
) -> dict[OrganizationId, tuple[EndpointId, ...]]:
    """The endpoints that are meant and enabled; ends the process with one line where there is none."""
    if endpoint:
        found = [await webhook_endpoints.find_endpoint(opened.hub, EndpointId(endpoint))]
    else:
        whose = (await marketplace_named(opened, marketplace)).marketplace_id if marketplace else None
        async with opened.hub.connection() as connection:
            found = await endpoints.of_marketplace(connection, whose)
    enabled = enabled_of(found)
    if not enabled:
        what = "it is disabled" if endpoint else "no endpoint is enabled"
        raise fail(f"{what}; see `heard webhooks endpoints`, and `heard webhooks enable --help`")
    return enabled
