"""`heard webhooks`: where marketplaces are told, what did not reach them, and sending it again."""

import sys
from datetime import UTC, datetime
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from heard import limits
from heard.cli.arguments import ApiJson, Flag, Marketplace, Page, says, whole
from heard.cli.office import office
from heard.cli.output import console, fail, print_head, print_json, print_rows, row_of, when
from heard.cli.running import run
from heard.clients.admin import AdminClient, wire
from heard.clients.admin import operations as call
from heard.clients.admin import wire_webhooks as hooks
from heard.domain.endpoints import DeliveryState
from heard.protocols.addresses import is_web_address

app = App(name="webhooks", help="Where marketplaces are told of events; what did not reach them, and sending it again.")

Endpoint = Annotated[str, says("The endpoint's id (whk_...).")]
Event = Annotated[str, says("The event's id (evt_...), which is also the webhook-id.")]
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@app.command
def endpoints(
    marketplace: str | None = None, *, limit: Page = 100, after: str | None = None, json: ApiJson = False
) -> None:
    """List webhook endpoints: how each does, what waits for it, what is dead.

    For example:

        heard webhooks endpoints nosh

    Parameters
    ----------
    marketplace
        Only this one's, by name or id.
    after
        The `next` of the page before this one: the id of its last endpoint.
    """
    run(_endpoints(marketplace, limit, after, json))


@app.command
def add(marketplace: Marketplace, url: str, *, json: ApiJson = False) -> None:
    """Add an endpoint to a marketplace; prints its secret, this once. It gets what comes about from now on.

    For example:

        heard webhooks add nosh https://nosh.example/heard-orders

    Parameters
    ----------
    url
        Where it wants to be told.
    """
    if not is_web_address(url) or len(url) > limits.ENDPOINT_URL_MAX:
        raise fail(f"URL: {url[:80]!r} is not an address such as https://nosh.example/heard")
    run(_add(hooks.NewEndpoint(marketplace=marketplace, url=url), json))


@app.command
def disable(endpoint: Endpoint, *, reason: str = "by the operator", json: ApiJson = False) -> None:
    """Send nothing to an endpoint any more; what waits for it is dead-lettered, and can be sent when it is enabled.

    For example:

        heard webhooks disable whk_01kdvp1e000000000000000000 --reason "they asked for it"

    Parameters
    ----------
    reason
        Why; its marketplace reads it in `endpoint.disabled`.
    """
    if not 0 < len(reason) <= limits.REASON_MAX:
        raise fail(f"--reason: 1 to {limits.REASON_MAX} characters, these are {len(reason)}")
    run(_disable(endpoint, reason, json))


@app.command
def enable(endpoint: Endpoint, *, resend: Flag = False, json: ApiJson = False) -> None:
    """Send to a disabled endpoint again; with --resend also what has died since it began to fail.

    What came about while it was disabled is in the feed, and is sent by `heard webhooks replay --all --since TIME`.

    For example:

        heard webhooks enable whk_01kdvp1e000000000000000000 --resend

    Parameters
    ----------
    resend
        Send what is dead since it began to fail, in order; --json has how many in `resent`.
    """
    run(_enable(endpoint, resend, json))


@app.command
def remove(endpoint: Endpoint, *, json: ApiJson = False) -> None:
    """Remove an endpoint for good; what waits for it is dead-lettered.

    For example:

        heard webhooks remove whk_01kdvp1e000000000000000000
    """
    run(_remove(endpoint, json))


@app.command
def rotate_secret(
    endpoint: Endpoint,
    *,
    keep_old_hours: Annotated[int, whole(0, limits.OLD_SECRET_HOURS_MAX)] = 24,
    json: ApiJson = False,
) -> None:
    """Give an endpoint a new secret; prints it, this once. Deliveries are signed with both until the old one ends.

    For example:

        heard webhooks rotate-secret whk_01kdvp1e000000000000000000 --keep-old-hours 48

    Parameters
    ----------
    keep_old_hours
        How long the old secret signs too; 0 ends it at once, for one that leaked.
    """
    run(_rotate(endpoint, keep_old_hours, json))


@app.command(name="list")
def list_(
    *,
    dead: Flag = False,
    due: Flag = False,
    delivered: Flag = False,
    endpoint: str | None = None,
    limit: Page = 20,
    before: str | None = None,
    json: ApiJson = False,
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
    before
        The `next` of the page before this one, or an event's id.
    """
    flags = ((DeliveryState.DEAD, dead), (DeliveryState.DUE, due), (DeliveryState.DELIVERED, delivered))
    states = [state for state, wanted in flags if wanted]
    if len(states) > 1:
        raise fail("give one of --dead, --due and --delivered, or none for all")
    run(_list(states[0] if states else None, endpoint, limit, before, json))


@app.command
def show(event: Event, *, json: ApiJson = False) -> None:
    """Show an event: its body, where it goes, every attempt to deliver it.

    For example:

        heard webhooks show evt_01kdvp1e000000000000000000
    """
    run(_show(event, json))


@app.command
def resend(event: Event, *, endpoint: str | None = None, json: ApiJson = False) -> None:
    """Send an event again, under its own id and with a fresh row of retries, also one that was taken.

    For example:

        heard webhooks resend evt_01kdvp1e000000000000000000

    Parameters
    ----------
    endpoint
        Only to this endpoint (whk_...); to every enabled one of its marketplace if none is given.
    """
    run(_resend(event, endpoint, json))


@app.command
def replay(
    *,
    since: datetime,
    until: datetime | None = None,
    endpoint: str | None = None,
    marketplace: str | None = None,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    after: str | None = None,
    dry_run: Flag = False,
    json: ApiJson = False,
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
    """
    if endpoint and marketplace:
        raise fail("give --endpoint or --marketplace, not both")
    if until is not None and _in_utc(until) <= _in_utc(since):
        raise fail("--until: must be later than --since")
    wish = hooks.Replay(
        since=_in_utc(since).isoformat(),
        until=_in_utc(until).isoformat() if until else None,
        endpoint_id=endpoint,
        marketplace=marketplace,
        everything=all_,
        after=after,
    )
    run(_replay(wish, dry_run, json))


def _in_utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


async def _endpoints(marketplace: str | None, limit: int, after: str | None, json: bool) -> None:
    async with office() as hub:
        page = await hub.call(call.LIST_ENDPOINTS, marketplace=marketplace, limit=limit, after=after)
    if json:
        print_json(page)
        return
    people = [{**row_of(one), "state": _standing(one)} for one in page.endpoints]
    columns = {
        "endpoint_id": "Endpoint",
        "marketplace": "Marketplace",
        "url": "Address",
        "due": "Due",
        "dead": "Dead",
        "state": "State",
    }
    print_rows("Webhook endpoints", people, columns, "No endpoints. Add one: heard webhooks add MARKETPLACE URL")


def _standing(one: hooks.EndpointView) -> str:
    if one.disabled_at is not None:
        return f"disabled {when(one.disabled_at)}: {one.disabled_why or 'for a reason of before'}"
    if one.failing_since is not None:
        return f"failing since {when(one.failing_since)}, {one.failures} in a row"
    return "well"


async def _add(wish: hooks.NewEndpoint, json: bool) -> None:
    async with office() as hub:
        made = await hub.call(call.ADD_ENDPOINT, wish)
    if json:
        print_json(made)
        return
    console.print(f"{made.marketplace} is told at {made.url} from now on. Keep the secret now; it is not shown again:")
    _print_secret(made)


def _print_secret(made: hooks.EndpointAdded | hooks.EndpointSecret) -> None:
    console.print(f"  endpoint        {made.endpoint_id}")
    console.print(f"  webhook secret  {made.webhook_secret}")


async def _disable(endpoint_id: str, reason: str, json: bool) -> None:
    async with office() as hub:
        state = await hub.call(call.DISABLE_ENDPOINT, hooks.DisableEndpoint(reason=reason), endpoint_id=endpoint_id)
    if json:
        print_json(state)
    else:
        console.print(f"{endpoint_id} is disabled{'' if state.new else ' already'}.")


async def _enable(endpoint_id: str, again: bool, json: bool) -> None:
    count = 0
    async with office() as hub:
        state = await hub.call(call.ENABLE_ENDPOINT, endpoint_id=endpoint_id)
        if again and state.trouble_since is not None:
            since = _BEGINNING.isoformat()
            wish = hooks.Replay(since=since, endpoint_id=endpoint_id, dead_since=state.trouble_since)
            count = await _send_all(hub, wish, None)
    if json:
        print_json({**msgspec.to_builtins(state), "resent": count} if again else state)
        return
    console.print(f"{endpoint_id} is enabled{'' if state.new else ' already'}.")
    if again:
        console.print(f"{count} events go out again.")


async def _remove(endpoint_id: str, json: bool) -> None:
    async with office() as hub:
        gone = await hub.call(call.REMOVE_ENDPOINT, endpoint_id=endpoint_id)
    if json:
        print_json(gone)
    else:
        console.print(f"{gone.endpoint_id} ({gone.url}) is removed.")


async def _rotate(endpoint_id: str, keep_old_hours: int, json: bool) -> None:
    body = wire.RotateSecret(keep_old_hours=keep_old_hours)
    async with office() as hub:
        made = await hub.call(call.ROTATE_ENDPOINT_SECRET, body, endpoint_id=endpoint_id)
    if json:
        print_json(made)
        return
    until = f"signs too until {when(made.old_secret_until)} UTC" if made.old_secret_until else "counts no more"
    console.print(f"A new secret; the old one {until}. Keep it now; it is not shown again:")
    _print_secret(made)


async def _list(state: DeliveryState | None, endpoint: str | None, limit: int, before: str | None, json: bool) -> None:
    async with office() as hub:
        page = await hub.call(call.LIST_DELIVERIES, state=state, endpoint_id=endpoint, limit=limit, after=before)
    if json:
        print_json(page)
        return
    people = [
        {**row_of(one), "last_error": one.last_error or "", "about": one.order_id or one.venue_id}
        for one in page.deliveries
    ]
    columns = {"event_id": "Event", "type": "Type", "about": "About", "endpoint_id": "Endpoint"}
    columns |= {"state": "State", "attempts": "Attempts", "last_error": "Last fault"}
    print_rows("Deliveries", people, columns, "No such deliveries.")
    if page.next:
        console.print(f"More: --before {page.next}")


async def _show(event_id: str, json: bool) -> None:
    async with office() as hub:
        found = await hub.call(call.READ_EVENT, event_id=event_id)
    if json:
        print_json(found)
        return
    event = found.event
    print_head(event_id, f"  {event.type}  {when(event.created_at)} UTC")
    print_json(event.body)
    ways = [{**row_of(one), "next": when(one.next_at)} for one in found.deliveries]
    columns = {"endpoint_id": "Endpoint", "url": "Address", "state": "State", "next": "Next", "attempts": "Attempts"}
    print_rows("\nDeliveries", ways, columns, "\nIt is in the feed only: no endpoint was enabled when it came about.")
    if found.attempts:
        people = [
            {**row_of(one), "at": when(one.at), "ms": f"{one.ms:.0f}", "error": one.error or ""}
            for one in found.attempts
        ]
        names = {"at": "UTC", "endpoint_id": "Endpoint", "status": "Answer", "ms": "ms", "error": "Fault"}
        print_rows("\nAttempts", people, names, "")


async def _resend(event_id: str, endpoint_id: str | None, json: bool) -> None:
    async with office() as hub:
        sent = await hub.call(call.RESEND_EVENT, hooks.ResendEvent(endpoint_id=endpoint_id), event_id=event_id)
    if json:
        print_json(sent)
    elif sent.resent:
        console.print(f"{event_id} goes out again to {sent.resent} {'endpoint' if sent.resent == 1 else 'endpoints'}.")
    else:
        console.print(f"{event_id} goes nowhere: it is under way just now, or no endpoint is enabled.")


async def _replay(wish: hooks.Replay, dry_run: bool, json: bool) -> None:
    async with office() as hub:
        counted = await hub.call(call.COUNT_REPLAY, **row_of(wish))
        sent = 0 if dry_run else await _send_all(hub, wish, counted.count)
    if json:
        print_json(counted if dry_run else hooks.Replayed(resent=sent, next=None))
    elif dry_run:
        rows = [{"endpoint": endpoint_id, "count": count} for endpoint_id, count in counted.endpoints.items()]
        columns = {"endpoint": "Endpoint", "count": "Events"}
        print_rows("Would go out again", rows, columns, "Nothing would go out again.")
    else:
        console.print(f"{sent} events go out again.")


async def _send_all(hub: AdminClient, wish: hooks.Replay, total: int | None) -> int:
    """A replay, batch by batch; how many events it were. Progress goes to stderr, so that what is printed stays what
    was asked for: whoever breaks off can go on behind the last event.
    """
    sent, following = 0, wish.after
    while True:
        batch = await hub.call(call.REPLAY, msgspec.structs.replace(wish, after=following))
        sent, following = sent + batch.resent, batch.next
        if total is not None:
            behind = f"; --after {following} goes on" if following else ""
            print(f"{sent} of {total} are due{behind}", file=sys.stderr)
        if following is None:
            return sent
