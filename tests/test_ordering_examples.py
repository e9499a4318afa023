"""What the page of the wire shows of the Ordering API is what goes over the wire."""

import json
import re
from pathlib import Path

from heard.protocols.ordering.openapi import ordering_document
from schemas import schema_faults, surplus

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = Path(__file__).parent / "golden" / "ordering"
PAGE = (ROOT / "docs" / "reference" / "wire.md").read_text("utf-8")
SECTION = PAGE[PAGE.index("\n## 3. ") : PAGE.index("\n## 4. ")]
EXAMPLES = [json.loads(one) for one in re.findall(r"```json\n(.*?)```", SECTION, re.DOTALL)]
# In the page's order; the first is the empty envelope.
SCHEMAS = (None, "Refusal", "TokenAnswer", "VenueAnswer", "CalculationAnswer", "PaymentAnswer", "OrderAnswer")


def test_each_example_is_what_its_schema_says_and_has_no_more() -> None:
    document = ordering_document()
    for example, name in zip(EXAMPLES, SCHEMAS, strict=True):
        if name is not None:
            schema = document["components"]["schemas"][name]
            assert [*schema_faults(document, example, schema), *surplus(document, example, schema)] == [], name


def test_the_shown_refusal_and_the_shown_grant_are_the_golden_ones() -> None:
    refusal = json.loads((GOLDEN / "refusal.json").read_bytes())
    assert EXAMPLES[1] == refusal
    granted = json.loads((GOLDEN / "token_granted.http").read_bytes().partition(b"\r\n\r\n")[2])
    shown = EXAMPLES[2]
    shown["data"]["oauth_token"]["access_token"] = "..."
    assert shown == granted


def test_every_path_of_the_table_is_named_on_the_page() -> None:
    for path in ordering_document()["paths"]:
        assert path.replace("{webhook_id}", "{id}").replace("{order_id}", "{id}") in SECTION, path
