"""Keys of the admin API as people make and revoke them: none does more than its maker, none is another's to end."""

import re

import pytest

from asking import ask
from builders import ORGANIZATION
from heard.domain.ids import OrganizationId
from heard.domain.people import EVERYTHING, Role
from heard.domain.refusals import Refused
from heard.engine import admin_keys
from heard.engine.hub import Hub
from parties import a_town
from visiting import a_guest, deeds

OTHERS = OrganizationId("others")


async def test_keys_do_no_more_than_their_maker_and_are_shown_once(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        dev = await a_guest(town, Role.DEVELOPER, "dev")
        form = {"name": "board <b>", "organization": ORGANIZATION, "scopes": "read", "days": "30"}
        answer = await dev.post("/console/keys/add", form)
        keys = set(re.findall(r"hak_[\w-]{43}", answer.body.decode()))
        assert (answer.status, len(keys), "set-cookie" in answer.headers) == (200, 1, False)
        assert b"board &lt;b&gt;" in answer.body
        [key] = keys
        assert (await ask(town, "GET", "/admin/v1/orders", token=key)).status == 200
        page = await dev.get("/console/keys")
        assert key.encode() not in page.body
        assert "good" in dev.text
        [row] = await admin_keys.keys_page(town.house.hub, ORGANIZATION, 10, None)
        for bad, status in (
            ({"scopes": "admin"}, 403),
            ({"scopes": "read\nadmin"}, 403),
            ({"scopes": ""}, 303),
            ({"organization": OTHERS}, 403),
            ({"organization": EVERYTHING}, 403),
            ({"name": " "}, 303),
            ({"name": "x" * 65}, 303),
            ({"name": "a\nb"}, 303),
            ({"days": "-1"}, 303),
            ({"days": "99999"}, 303),
            ({"days": "\u0663"}, 303),
        ):
            assert (await dev.post("/console/keys/add", {**form, **bad})).status == status, bad
        assert len(await admin_keys.keys_page(town.house.hub, None, 10, None)) == 1
        await dev.follow(await dev.post(f"/console/keys/{row['key_id']}/revoke"))
        assert "is revoked" in dev.text
        assert "✕ revoked" in dev.text
        assert (await ask(town, "GET", "/admin/v1/orders", token=key)).status == 401
        done = await deeds(town)
        assert {("dev", "add_key", "done"), ("dev", "revoke_key", "done")} <= set(done)


async def test_a_key_of_others_or_that_may_more_is_not_revoked(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub: Hub = town.house.hub
        dev, admin = await a_guest(town, Role.DEVELOPER, "dev"), await a_guest(town, login="boss")
        foreign = await admin_keys.add_key(hub, OTHERS, "theirs", ["read"])
        strong = await admin_keys.add_key(hub, ORGANIZATION, "strong", ["read", "admin"])
        await admin_keys.add_key(hub, ORGANIZATION, strong.key_id, ["read"])  # called by another key's id
        page = await dev.get("/console/keys")
        assert foreign.key_id.encode() not in page.body
        assert (await dev.post(f"/console/keys/{strong.key_id}/revoke")).status == 403
        for who in (dev, admin):
            for named in (foreign.key_id, "theirs"):
                await who.follow(await who.post(f"/console/keys/{named}/revoke"))
                assert "no such key" in who.text
        with pytest.raises(Refused, match="There is no key"):
            await admin_keys.revoke_key(hub, "theirs", ORGANIZATION)
        await admin.follow(await admin.post(f"/console/keys/{strong.key_id}/revoke"))
        assert "strong is revoked" in admin.text
        good = {row["name"] for row in await admin_keys.keys_page(hub, None, 10, None) if row["good"]}
        assert good == {"theirs", strong.key_id}
        assert (await ask(town, "GET", "/admin/v1/orders", token=foreign.key)).status == 200
