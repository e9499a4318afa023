"""What the page of the wire shows about posnext is what goes over the wire: its examples are the golden files."""

import base64
import hmac
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = Path(__file__).parent / "golden" / "posnext"
PAGE = (ROOT / "docs" / "reference" / "wire.md").read_text("utf-8")
POSNEXT = PAGE[PAGE.index("\n## 1. ") : PAGE.index("\n## 2. ")]
EXAMPLES = re.findall(r"```json\n(.*?)```", POSNEXT, re.DOTALL)
TOKEN = re.search(r"^authorization: Bearer (\S+)$", POSNEXT, re.MULTILINE)
DIGESTS = json.loads((GOLDEN / "digests.json").read_text("utf-8"))
VECTORS = json.loads((GOLDEN / "vectors.json").read_text("utf-8"))

# In the page's order.
SHOWN = (
    "claims",
    "submit_minor.json",
    "placed_minor.json",
    "rejected.json",
    "accepted_202.json",
    "menu_request.json",
    "menu.json",
    "cancel.json",
)


def without_blanks(text: str) -> str:
    """JSON as it is sent: blanks within texts stay."""
    return re.sub(r'("(?:[^"\\]|\\.)*")|\s+', lambda match: match[1] or "", text)


def test_every_example_is_known() -> None:
    assert len(EXAMPLES) == len(SHOWN)


@pytest.mark.parametrize(("name", "example"), list(zip(SHOWN, EXAMPLES, strict=False)), ids=SHOWN)
def test_an_example_is_a_golden_file_to_the_byte(name: str, example: str) -> None:
    if name == "claims":
        assert TOKEN is not None
        assert without_blanks(example).encode() == base64.urlsafe_b64decode(TOKEN[1].split(".")[1] + "==")
    else:
        assert without_blanks(example) == (GOLDEN / name).read_text("utf-8")


def test_the_shown_token_is_signed_with_the_shown_shared_id() -> None:
    assert TOKEN is not None
    shared_id = re.search(r"uses the SharedId `([^`]+)`", PAGE.replace("\n", " "))
    assert shared_id is not None
    signed, _, signature = TOKEN[1].rpartition(".")
    mac = hmac.new(shared_id[1].encode(), signed.encode(), "sha256").digest()
    assert base64.urlsafe_b64encode(mac).rstrip(b"=").decode() == signature


def test_the_digest_of_the_shown_request_is_that_of_the_shown_body() -> None:
    shown = re.findall(r"^x-pch-digest: (\w+)$", POSNEXT, re.MULTILINE)
    assert shown == [DIGESTS["submit_minor.json"]["digest"]]


def test_the_vectors_are_shown_and_every_digest_that_is_shown_is_kept() -> None:
    rows = re.findall(r"^\| `(.*)` \| `(\w{64})` \|$", POSNEXT, re.MULTILINE)
    assert [(message.replace("\\|", "|"), digest) for message, digest in rows] == [
        (vector["message"], vector["digest"]) for vector in VECTORS
    ]
    kept = {digest for one in DIGESTS.values() for digest in one.values()} | {one["digest"] for one in VECTORS}
    assert set(re.findall(r"\b[0-9a-f]{64}\b", POSNEXT)) <= kept
