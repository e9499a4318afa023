"""Keys of the admin API, for operators' programs: made by who may do as much themselves, shown once, revoked."""

from starlette.responses import Response
from starlette.routing import Route

from heard import limits
from heard.console.gate import Gate, Visit, back, show
from heard.console.house import House
from heard.domain.ids import KeyId
from heard.domain.people import Role
from heard.domain.refusals import Code, Refused
from heard.engine import admin_keys
from heard.engine.change_person import organizations_of
from heard.protocols.admin.auth import SCOPES

KEYS = "/console/keys"
_ROWS = 100


def routes(house: House, gate: Gate) -> list[Route]:
    """For developers and admins. A key may never do more than who makes it, and nobody ends one that may."""
    hub = house.hub

    async def listing(visit: Visit) -> Response:
        by = visit.visitor
        rows = await admin_keys.keys_page(hub, by.organization_id, _ROWS + 1, visit.query.get("before"))
        return show(
            visit,
            "keys.html",
            keys=rows[:_ROWS],
            before=rows[_ROWS - 1]["key_id"] if len(rows) > _ROWS else None,
            scopes={scope: text for scope, text in SCOPES.items() if by.may(scope)},
            own=by.role.scopes,
            organizations=await organizations_of(hub, by),
            days_max=limits.KEY_DAYS_MAX,
        )

    async def add(visit: Visit) -> Response:
        by, form = visit.visitor, visit.form
        scopes = [one for one in form.get("scopes", "").split("\n") if one]
        too_much = [one for one in scopes if not by.may(one)]
        if too_much:
            raise Refused(Code.INSUFFICIENT_SCOPE, f"You are {by.role}, and give no key {too_much[0][:40]!r}.")
        name, whose = form.get("name", "").strip(), form.get("organization", "")
        if not 1 <= len(name) <= limits.WORD_MAX or not name.isprintable():
            raise Refused(Code.INVALID_BODY, f"A key needs a name, of {limits.WORD_MAX} characters at most.")
        found = [one for one in await organizations_of(hub, by) if one == whose]
        if not found:
            raise Refused(Code.INSUFFICIENT_SCOPE, "You make keys for organizations that you see only.")
        made = await admin_keys.add_key(hub, found[0], name, scopes, _days(form.get("days", "")))
        await house.office.note(by, "add_key", f"{made.key_id} {' '.join(made.scopes)}")
        return show(visit, "key.html", called=name, made=made)

    async def revoke(visit: Visit) -> Response:
        by = visit.visitor
        found = await admin_keys.find_key(hub, by.organization_id, KeyId(visit.path["key_id"]))
        if not by.role.scopes.issuperset(found["scopes"]):
            raise Refused(Code.INSUFFICIENT_SCOPE, f"This key may do more than you, who are {by.role}: ask an admin.")
        await admin_keys.revoke_key(hub, found["key_id"], by.organization_id)
        await house.office.note(by, "revoke_key", found["key_id"])
        return back(visit, KEYS, f"The key {found['name']} is revoked.")

    return [
        gate.page(KEYS, listing, Role.DEVELOPER),
        gate.action(f"{KEYS}/add", add, Role.DEVELOPER),
        gate.action(f"{KEYS}/{{key_id}}/revoke", revoke, Role.DEVELOPER),
    ]


def _days(text: str) -> int | None:
    if not text.strip():
        return None
    if not (text.strip().isascii() and text.strip().isdigit() and len(text.strip()) < 6):
        raise Refused(Code.INVALID_BODY, "Days are a whole number.")
    return int(text)
