"""What failed, by cause: the causes, what belongs to one, and mending many at once, after a look at what it touches."""

import asyncio
import time
from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from heard import limits
from heard.console.causes import FIXES, TITLES, Fix, told
from heard.console.gate import Gate, Visit, show
from heard.console.house import House
from heard.console.mending import Came, Seen, check_may, mend, read_seen
from heard.domain.ids import OrganizationId
from heard.domain.order.by_hand import Action
from heard.domain.people import Role
from heard.domain.refusals import Code, Refused
from heard.engine.hub import Hub
from heard.engine.see_failures import Page, all_causes, one_cause
from heard.storage.failures import Cause, Group, Kind

_ACTIONS = {Fix.RETRY: Action.RETRY, Fix.RESOLVE: Action.RESOLVE}


def routes(house: House, gate: Gate) -> list[Route]:
    """The pages, and the form that mends."""
    counts = _Counts()
    return [*_looks(house, gate, counts), *_mending(house, gate, counts)]


def _looks(house: House, gate: Gate, counts: "_Counts") -> list[Route]:
    hub = house.hub

    async def failures(visit: Visit) -> Response:
        found = await all_causes(hub, visit.visitor.organization_id)
        counts.keep(visit.visitor.organization_id, found)
        sections = [
            (kind, TITLES[kind], [(group, told(group), link(group.cause)) for group in found[kind]])
            for kind in TITLES
            if found[kind]
        ]
        return show(visit, "failures.html", sections=sections, links=links, scan=limits.FAILURES_SCAN_MAX)

    async def count(visit: Visit) -> Response:
        return show(visit, "_failures_count.html", count=await counts.of(hub, visit.visitor.organization_id))

    async def cause(visit: Visit) -> Response:
        asked, number = read_cause(visit.query), _page(visit.query)
        skip = (number - 1) * limits.FAILURES_PAGE
        page = await one_cause(hub, visit.visitor.organization_id, asked, skip=skip)
        if page.group is None:
            return show(visit, "failure_gone.html", 404)
        return show(
            visit,
            "failure.html",
            page=page,
            group=page.group,
            told=told(page.group),
            links=links(page.group),
            title=TITLES[asked.kind],
            fixes=[(fix, FIXES[fix], link(asked, "/fix", do=fix)) for fix in told(page.group).fixes],
            number=number,
            older=link(asked, page=number + 1) if page.more else None,
            newer=link(asked, page=number - 1) if number > 1 else None,
        )

    return [
        gate.page("/console/failures", failures),
        gate.page("/console/failures/count", count),
        gate.page("/console/failures/cause", cause),
    ]


def _mending(house: House, gate: Gate, counts: "_Counts") -> list[Route]:
    hub = house.hub

    async def preview(visit: Visit) -> Response:
        asked, fix = read_cause(visit.query), _fix(visit.query)
        check_may(visit.visitor, fix)
        page = await one_cause(hub, visit.visitor.organization_id, asked, limits.FIX_BATCH_MAX)
        if page.group is None or fix not in told(page.group).fixes:
            return show(visit, "failure_gone.html", 404)
        chosen = _as_seen(page, fix)
        left_out = len(page.orders) + len(page.deliveries) - len(chosen)
        return show(
            visit,
            "fix.html",
            fix=fix,
            title=FIXES[fix],
            group=page.group,
            told=told(page.group),
            chosen=chosen,
            left_out=left_out,
            more=page.more,
            most=limits.FIX_BATCH_MAX,
            cause=asked,
            to=link(asked),
            blocked=page.group.off and fix is Fix.RESEND,
        )

    async def carry_out(visit: Visit) -> Response:
        asked, fix = read_cause(visit.form), _fix(visit.form)
        check_may(visit.visitor, fix)
        note = visit.form.get("note", "").strip()
        if fix is Fix.RESOLVE and not note:
            raise Refused(Code.ORDER_CONFLICT, "Say in a few words how it was seen to; nothing was done.")
        came = await mend(house, visit.visitor, fix, read_seen(fix, visit.form.get("one", "")), note)
        counts.forget(visit.visitor.organization_id)
        page = await one_cause(hub, visit.visitor.organization_id, asked, 1)
        left = page.group.count if page.group is not None else 0
        counted = [(word, sum(1 for one in came if one.came is word)) for word in Came]
        again = link(asked, "/fix", do=fix) if left else None
        return show(visit, "fixed.html", title=FIXES[fix], fix=fix, came=came, counted=counted, left=left, again=again)

    return [
        gate.page("/console/failures/cause/fix", preview, Role.OPERATOR),
        gate.action("/console/failures/cause/fix", carry_out),
    ]


def link(cause: Cause, below: str = "", **more: object) -> str:
    """Where a cause's page is, or one below it."""
    named = {"kind": cause.kind, "place": cause.place, "code": cause.code, "text": cause.text, **more}
    return f"/console/failures/cause{below}?{urlencode({name: value for name, value in named.items() if value != ''})}"


def links(group: Group) -> list[tuple[str, str]]:
    """Where else to look: a label and a page."""
    place = group.cause.place
    if group.cause.kind in (Kind.DELIVERY, Kind.ENDPOINT):
        return [("The endpoint", f"/console/endpoints#{place}")]
    return [("The store", f"/console/stores/{place}")]


def read_cause(given: Mapping[str, str]) -> Cause:
    """The cause that a link or a form names. Raises Refused(not_found)."""
    kind, place = given.get("kind", ""), given.get("place", "")
    if kind not in list(Kind) or not place or any("\0" in value for value in given.values()):
        raise Refused(Code.NOT_FOUND, "There is no such cause.")
    return Cause(Kind(kind), place, given.get("code", ""), given.get("text", ""))


def _fix(given: Mapping[str, str]) -> Fix:
    word = given.get("do", "")
    if word not in list(Fix):
        raise Refused(Code.NOT_FOUND, "There is nothing of that name to do.")
    return Fix(word)


def _page(given: Mapping[str, str]) -> int:
    text = given.get("page", "1")
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= 4 and int(text) > 0):
        raise Refused(Code.NOT_FOUND, "There is no such page.")
    return int(text)


def _as_seen(page: Page, fix: Fix) -> list[tuple[Seen, str, str, str]]:
    """What a fix will touch: as it is seen, with its page, what it is called, and how it stands."""
    if fix is Fix.RESEND:
        return [
            (
                Seen((one.event_id, one.endpoint_id, one.state)),
                f"/console/failures/events/{one.event_id}",
                one.event_id,
                f"{one.kind.replace('_', ' ')}, {one.state} after {one.attempts} attempts",
            )
            for one in page.deliveries
        ]
    return [
        (
            Seen((one.order.order_id, str(one.order.version))),
            f"/console/orders/{one.order.order_id}",
            one.order.external_order_id,
            f"{one.order.status.replace('_', ' ')}, from {one.channel}",
        )
        for one in page.orders_that_may(_ACTIONS[fix])
    ]


class _Counts:
    """How many causes there are, for every page's navigation: counted anew now and then, not for each that asks, and
    once for all who ask meanwhile.
    """

    def __init__(self) -> None:
        self._known: dict[OrganizationId | None, tuple[float, int]] = {}
        self._turn = asyncio.Lock()

    async def of(self, hub: Hub, organization_id: OrganizationId | None) -> int:
        async with self._turn:
            at, count = self._known.get(organization_id, (float("-inf"), 0))
            if time.monotonic() - at < limits.FAILURES_COUNT_S:
                return count
            return self.keep(organization_id, await all_causes(hub, organization_id))

    def keep(self, organization_id: OrganizationId | None, found: Mapping[Kind, list[Group]]) -> int:
        count = sum(len(groups) for groups in found.values())
        self._known[organization_id] = time.monotonic(), count
        return count

    def forget(self, organization_id: OrganizationId | None) -> None:
        self._known.pop(organization_id, None)
