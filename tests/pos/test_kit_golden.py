"""The exact bytes that the kit answers with: each kind of answer, in both units and both schemes. A change here is a
change of the wire. The requests are the hub's own golden bodies.
"""

import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from heard import limits
from heard.domain.stores import Amounts, SignatureScheme
from heard.pos import Errored, KitchenState, Location, PosApp, Rejected
from heard.pos.options import read_options
from heard.pos.store import Mapped
from heard.pos.testing import ask
from heard.protocols.posnext import auth
from pos.kits import SHARED_ID, ScriptedPos

GOLDEN = Path(__file__).parent.parent / "golden"
AT = datetime(2025, 1, 15, 18, 30, tzinfo=UTC)
VALIDATE, SUBMIT = "/posnext/order/validate", "/posnext/order/submit"
STATUS, CANCEL = "/posnext/orders/order-12345", "/posnext/orders/order-12345/cancel"


def well(_: ScriptedPos) -> None:
    """As it comes."""


def refuses(pos: ScriptedPos) -> None:
    pos.validation = pos.placing = Rejected("item_unavailable", "Sold out", "$.order_details.menu_items[0]")


def fails(pos: ScriptedPos) -> None:
    pos.placing = Errored("printer_offline", "The kitchen's printer", retryable=True)


def cooked(pos: ScriptedPos) -> None:
    pos.kitchen = KitchenState.IN_PREPARATION


def is_slow(pos: ScriptedPos) -> None:
    pos.held.clear()


# Each: what the POS does, and the calls; the last one's answer is kept.
KINDS: dict[str, tuple[Callable[[ScriptedPos], None], tuple[str, ...]]] = {
    "validated": (well, (VALIDATE,)),
    "validate_rejected": (refuses, (VALIDATE,)),
    "placed": (well, (SUBMIT,)),
    "placed_repeated": (well, (SUBMIT, SUBMIT)),
    "rejected": (refuses, (SUBMIT,)),
    "errored": (fails, (SUBMIT,)),
    "pending": (is_slow, (SUBMIT,)),
    "status": (cooked, (SUBMIT, STATUS)),
    "cancelled": (well, (SUBMIT, CANCEL)),
    "status_cancelled": (well, (SUBMIT, CANCEL, STATUS)),
}
CASES = [(kind, amounts, scheme) for kind in KINDS for amounts in Amounts for scheme in SignatureScheme]


def body_of(path: str, amounts: Amounts) -> bytes:
    names = {VALIDATE: f"validate_{amounts}.json", SUBMIT: f"submit_now_{amounts}.json", CANCEL: "cancel.json"}
    return (GOLDEN / "posnext" / names[path]).read_bytes() if path in names else b""


def digest_of(raw: bytes, scheme: SignatureScheme) -> str:
    """By hand, as any hub would sign a request or an answer."""
    if scheme is SignatureScheme.BODY:
        return hmac.new(SHARED_ID.encode(), raw, hashlib.sha256).hexdigest()
    body = json.loads(raw, parse_float=str)
    details = body.get("order_details", {})
    cents = [int(str(details.get(name, 0)).replace(".", "")) for name in ("grand_total", "subtotal")]
    online = details.get("online_order_id") or body.get("online_order_id") or 0
    seconds = int(datetime.fromisoformat(body["request_datetime"]).timestamp())
    message = "|".join(map(str, (body["request_uid"], body["location_id"], online, *cents, seconds)))
    return hmac.new(SHARED_ID[:10].encode(), message.encode(), hashlib.sha256).hexdigest()


async def answered(kind: str, amounts: Amounts, scheme: SignatureScheme) -> bytes:
    """The kit's last answer, as HTTP; its digest has been checked."""
    does, calls = KINDS[kind]
    does(pos := ScriptedPos())
    within_s = 0.2 if does is is_slow else limits.POS_CALL_TIMEOUT_S
    options = read_options(
        {}, shared_id=SHARED_ID, store=":memory:", amounts=amounts, signature=scheme, answer_within_s=within_s
    )
    async with PosApp(pos, options, clock=lambda: AT + timedelta(seconds=2)) as kit:
        await kit.store.add_location(Mapped("org-1", "PAR-LOC-12345", Location("org-1", "main")))
        token = auth.make_token(SHARED_ID, "org-1", AT, "jti")
        for path in calls:
            raw = body_of(path, amounts)
            headers = {"authorization": f"Bearer {token}", "content-type": "application/json", "x-request-id": "req-1"}
            headers |= {"x-pch-digest": digest_of(raw, scheme)} if raw else {}
            status, said, body = await ask(kit, "POST" if raw else "GET", path, raw, headers)
            assert said["x-pch-digest"] == digest_of(body, scheme)
        pos.held.set()
    head = [f"HTTP/1.1 {status}", *(f"{name}: {said[name]}" for name in sorted(said))]
    return "\n".join([*head, "", ""]).encode() + body


@pytest.mark.parametrize(("kind", "amounts", "scheme"), CASES)
async def test_the_kit_answers_with_these_bytes(kind: str, amounts: Amounts, scheme: SignatureScheme) -> None:
    kept = GOLDEN / "kit" / f"{kind}_{amounts}_{scheme}.http"
    assert await answered(kind, amounts, scheme) == kept.read_bytes()


def test_every_kept_answer_is_held() -> None:
    kept = {file.name for file in (GOLDEN / "kit").iterdir()}
    assert kept == {f"{kind}_{amounts}_{scheme}.http" for kind, amounts, scheme in CASES}
