"""What the token endpoint and the revocation say, byte by byte: grants, and every no of RFC 6749."""

import base64
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest

from asking import FORM, ask_raw, credentials
from builders import ORGANIZATION
from heard.engine import change_client
from parties import Town, a_town

GOLDEN = Path(__file__).resolve().parent.parent / "golden" / "link_tokens"
TOKEN, REVOKE = "/link/v2/oauth/token", "/link/v2/oauth/revoke"
GRANT = {"grant_type": "client_credentials"}
# What differs each time, with what stands for it in the golden files.
CHANGING = ((rb"hat_[A-Za-z0-9_-]{43}", b"hat_..."), (rb"date: [^\r]+\r\n", b""), (rb"x-request-id: [^\r]+\r\n", b""))


async def said(town: Town, path: str, form: dict[str, str], authorization: str | None = None) -> bytes:
    """The whole answer, without what differs each time."""
    body = urlencode(form).encode()
    head = [f"POST {path} HTTP/1.1", "host: hub", f"content-type: {FORM}", f"content-length: {len(body)}"]
    head += ["connection: close", *([f"authorization: {authorization}"] if authorization else []), "", ""]
    answer = await ask_raw(town, "\r\n".join(head).encode() + body)
    for pattern, instead in CHANGING:
        answer = re.sub(pattern, instead, answer)
    return answer


async def answers(town: Town) -> dict[str, bytes]:
    own = credentials(town)
    basic = "Basic " + base64.b64encode(":".join(own.values()).encode()).decode()
    found = {
        "granted": await said(town, TOKEN, {**GRANT, **own}),
        "granted_narrowly": await said(town, TOKEN, {**GRANT, "scope": "events orders"}, basic),
        "invalid_scope": await said(town, TOKEN, {**GRANT, **own, "scope": "orders admin"}),
        "unsupported_grant_type": await said(town, TOKEN, {**own, "grant_type": "authorization_code"}),
        "invalid_request": await said(town, TOKEN, own),
        "invalid_client": await said(town, TOKEN, {**GRANT, **own, "client_secret": "hcs_wrong"}),
        "revoked": await said(town, REVOKE, {**own, "token": "hat_unknown"}),
        "revoke_invalid_request": await said(town, REVOKE, own),
        "revoke_invalid_client": await said(town, REVOKE, {"token": "hat_unknown"}),
    }
    await change_client.set_scopes(town.house.hub, None, "nosh", ["events", "orders"])
    found["granted_what_it_may"] = await said(town, TOKEN, {**GRANT, **own})
    return found


async def test_each_answer_is_as_it_was_agreed(dsn: str) -> None:
    async with a_town(dsn, worker=False, pulled=False) as town:
        found = await answers(town)
    assert {path.stem for path in GOLDEN.glob("*.http")} == set(found)
    for name, answer in found.items():
        assert answer == (GOLDEN / f"{name}.http").read_bytes(), name


@pytest.mark.parametrize("path", [TOKEN, REVOKE])
async def test_whoever_is_not_let_in_is_not_told_why(dsn: str, path: str) -> None:
    """A wrong secret, an unknown client, an old secret past its time, a client that is shut out: the same bytes."""
    async with a_town(dsn, worker=False, pulled=False) as town:
        hub, own = town.house.hub, credentials(town)
        form = {**GRANT, "token": "hat_unknown"}
        expected = await said(town, path, {**form, **own, "client_secret": "hcs_wrong"})
        assert expected.startswith(b"HTTP/1.1 401 ")
        assert await said(town, path, {**form, **own, "client_id": "mkt_nobody"}) == expected
        await change_client.rotate_secret(hub, ORGANIZATION, "nosh", 1)
        assert (await said(town, path, {**form, **own})).startswith(b"HTTP/1.1 200 ")
        await hub.pool.execute("UPDATE marketplaces SET old_secret_until = business_now() - interval '1 s'")
        assert await said(town, path, {**form, **own}) == expected
        rotated = await change_client.rotate_secret(hub, None, "nosh", 0)
        now = {**own, "client_secret": rotated.client_secret}
        assert (await said(town, path, {**form, **now})).startswith(b"HTTP/1.1 200 ")
        await change_client.disable_client(hub, None, "nosh")
        assert await said(town, path, {**form, **now}) == expected
