"""`heard sign` and `heard verify` as people run them, with files of their own."""

import asyncio
import hmac
import json
import shlex
import sys
from pathlib import Path

import pytest

from lengths import patience
from shell import Shell

GOLDEN = Path(__file__).parent.parent / "golden" / "posnext"
ID = "SharedSecret-123"
SUBMIT = "order-12345|PAR-LOC-12345|OO-1001|3545|3298|1736965800"


@pytest.fixture
def hub(shell: Shell) -> Shell:
    shell.settings["HEARD_POS_SHARED_ID"] = ID
    return shell


def hm(key: str, text: str | bytes, name: str = "sha256") -> str:
    return hmac.new(key.encode(), text.encode() if isinstance(text, str) else text, name).hexdigest()


async def a_request(hub: Shell, digest: str | None = None, body: bytes | None = None) -> Path:
    """The submit of the golden files, caught on the wire."""
    name = str(GOLDEN / "submit_minor.json")
    headers = (await hub.json("sign", name, "--now", "2025-01-15T18:30:00Z"))["headers"]
    if digest:
        headers["x-pch-digest"] = digest
    lines = ["POST /posnext/order/submit HTTP/1.1", *(f"{name}: {text}" for name, text in headers.items())]
    file = hub.folder / "request.txt"
    file.write_bytes("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or (GOLDEN / "submit_minor.json").read_bytes()))
    return file


async def with_input(hub: Shell, text: bytes, *words: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "heard", *words),
        cwd=hub.folder,
        env=hub.environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with patience():
        out, err = await process.communicate(text)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_what_is_signed_verifies_in_each_scheme_and_for_each_kind(hub: Shell) -> None:
    names = ("submit_minor", "submit_decimal", "placed_minor", "cancel", "menu")
    for scheme in ("digest", "body"):
        for name in names:
            file = str(GOLDEN / f"{name}.json")
            words = ["--signature", scheme, *(["--amounts", "decimal"] if name == "submit_decimal" else [])]
            words += ["--organization", "org-1"]
            made = await hub.json("sign", file, *words)
            given = ["--authorization", made["headers"]["authorization"]]
            if "x-pch-digest" in made["headers"]:
                given += ["--digest", made["headers"]["x-pch-digest"]]
            said = await hub.json("verify", "--body", file, *given, *words)
            assert said["holds"], (scheme, name, said)


async def test_a_good_request_holds_and_the_message_is_shown_in_its_parts(hub: Shell) -> None:
    status, out, err = await hub.run("verify", str(await a_request(hub)))
    assert (status, err) == (0, "")
    for line in ("online_order_id     OO-1001", "grand_total_cents   3545", "seconds             1736965800", SUBMIT):
        assert line in out
    assert "fails" not in out


async def test_a_mistake_is_named_with_its_fix_and_no_secret_is_printed(hub: Shell) -> None:
    wrong = hm(ID, SUBMIT.replace("3545", "35.45").replace("3298", "32.98"))
    file = await a_request(hub, wrong)
    token = file.read_text().split("Bearer ")[1].split("\r\n")[0]
    for words in ((), ("--json",)):
        status, out, err = await hub.run("verify", str(file), *words)
        assert status == 1
        assert "whole_shared_id" in out
        assert "decimals" in out
        assert "shared_id[:10]" in out
        for secret in (ID, ID[:10], wrong, hm(ID[:10], SUBMIT), token, token.rpartition(".")[2]):
            assert secret not in out + err


async def test_an_answer_is_read_from_stdin_as_curl_prints_it(hub: Shell) -> None:
    body = (GOLDEN / "placed_minor.json").read_bytes()
    message = "order-12345|PAR-LOC-12345|OO-1001|1403|1299|1736965800000"
    raw = f"HTTP/1.1 200 OK\r\nx-pch-digest: {hm(ID[:10], message)}\r\n\r\n".encode() + body
    status, out, _ = await with_input(hub, raw, "verify", "-", "--json")
    assert status == 1
    said = json.loads(out)
    (digest,) = [check for check in said["checks"] if check["rule"] == "digest"]
    assert [[one["name"] for one in cause] for cause in digest["causes"]] == [["not_seconds"]]
    assert said["checks"][0] == {"rule": "token", "verdict": "skipped", "says": "an answer carries none", "causes": []}


async def test_a_token_that_came_late_says_by_how_much(hub: Shell) -> None:
    file = str(await a_request(hub))
    assert (await hub.run("verify", file, "--now", "2025-01-15T18:35:59Z"))[0] == 0
    status, out, _ = await hub.run("verify", file, "--now", "2025-01-15T18:37:00Z")
    assert status == 1
    assert "expired 120 s before 2025-01-15T18:37:00Z" in out
    assert (await hub.run("verify", file, "--now", "now"))[0] == 1
    assert (await hub.run("verify", file, "--at-receipt"))[0] == 0


async def test_the_curl_command_sends_what_was_signed(hub: Shell) -> None:
    for name, path in (
        ("submit_minor", "/posnext/order/submit"),
        ("validate_minor", "/posnext/order/validate"),
        ("cancel", "/posnext/orders/order-12345/cancel"),
        ("menu_request", "/posnext/menus"),
    ):
        file = str(GOLDEN / f"{name}.json")
        status, out, err = await hub.run("sign", file, "--curl", "https://pos.example/")
        assert (status, err) == (0, "")
        words = shlex.split(out)
        assert words[:3] == ["curl", "-si", f"https://pos.example{path}"]
        assert words[-2:] == ["--data-binary", f"@{file}"]
        assert any(word.startswith("x-pch-digest: ") for word in words) == (name != "menu_request")
    status, out, _ = await hub.run("sign", str(GOLDEN / "placed_minor.json"), "--curl", "https://hub.example/cb/1")
    assert shlex.split(out)[2] == "https://hub.example/cb/1"


async def test_a_body_that_will_be_refused_is_signed_with_a_warning(hub: Shell) -> None:
    file = hub.folder / "wrong.json"
    file.write_bytes((GOLDEN / "submit_minor.json").read_bytes().replace(b'"tax":248', b'"tax":247'))
    status, out, err = await hub.run("sign", str(file))
    assert status == 0
    assert hm(ID[:10], SUBMIT) in out
    assert "the body will be refused: $.order_details.grand_total: stated 3545 cents, added up 3544" in err


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("verify",), "give either a captured message"),
        (("verify", "missing.txt"), "missing.txt: No such file"),
        (("verify", "empty.txt"), "there is nothing in it"),
        (("verify", "nonsense.txt"), "line 1 is no header"),
        (("verify", "unknown.json"), "--kind"),
        (("verify", "order.json", "--now", "yesterday"), "--now"),
        (("verify", "order.json", "--now", "now", "--at-receipt"), "--at-receipt"),
        (("verify", "order.json", "--shared-id-env", "NO_SUCH"), "NO_SUCH"),
        (("verify", "order.json", "--shared-id-env", "SHORT"), "at least 10 characters"),
        (("sign", "nonsense.txt"), "not JSON"),
        (("sign", "menu.json"), "--organization"),
        (("sign", "order.json", "--curl", "pos.example"), "--curl"),
        (("sign", "answer.json", "--curl", "https://hub.example"), "--curl: an answer"),
        (("sign", "half.json"), "grand_total is no number"),
    ],
)
async def test_what_cannot_be_worked_on_is_said_in_one_line(hub: Shell, words: tuple[str, ...], says: str) -> None:
    hub.settings["SHORT"] = "012345678"
    (hub.folder / "empty.txt").write_text("\n")
    (hub.folder / "nonsense.txt").write_text("hello\n\nworld")
    (hub.folder / "unknown.json").write_text('{"hello": 1}')
    (hub.folder / "menu.json").write_text('{"location_id": "L"}')
    (hub.folder / "half.json").write_text('{"request_type": "place-order", "order_details": {"grand_total": "x"}}')
    (hub.folder / "order.json").write_bytes((GOLDEN / "submit_minor.json").read_bytes())
    (hub.folder / "answer.json").write_bytes((GOLDEN / "placed_minor.json").read_bytes())
    status, _, err = await hub.run(*words)
    assert status == 2
    assert says in err
    assert len(err.strip().splitlines()) == 1, err


async def test_without_a_shared_id_the_way_to_give_it_is_told(shell: Shell) -> None:
    status, _, err = await shell.run("sign", str(GOLDEN / "submit_minor.json"))
    assert status == 2
    assert "HEARD_POS_SHARED_ID" in err


async def test_what_a_stranger_wrote_cannot_move_the_cursor(hub: Shell) -> None:
    file = hub.folder / "order.json"
    text = (GOLDEN / "submit_minor.json").read_text("utf-8").replace("OO-1001", "\\u001b[2J")
    file.write_text(text, "utf-8")
    for words in (("sign", str(file)), ("verify", "--body", str(file), "--digest", "x")):
        _, out, err = await hub.run(*words)
        assert "\x1b[2J" not in out + err
        assert "\\x1b[2J" in out
