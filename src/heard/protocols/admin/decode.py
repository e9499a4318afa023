"""What operators ask as our words. What does not hold is refused, naming the member or the parameter that is wrong."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar

import msgspec

from heard import limits
from heard.domain.endpoints import DeliveryState
from heard.domain.hours import ServingTime, read_serving_time
from heard.domain.ids import EventId
from heard.domain.money import Cents
from heard.domain.order import commands as c
from heard.domain.order.model import ReasonCode
from heard.domain.order_types import OrderType
from heard.domain.payments import ProviderKind
from heard.domain.pricing.cart import Rounding, TaxPer
from heard.domain.refusals import FieldError
from heard.domain.stores import PriceCheck
from heard.protocols import bodies
from heard.protocols.addresses import is_web_address
from heard.protocols.admin import wire, wire_places, wire_webhooks
from heard.protocols.admin.encode import order_type_word
from heard.protocols.openapi import Query
from heard.protocols.strict_json import invalid_body

W = TypeVar("W", bound=StrEnum)

NO_PROVIDER: Final = "none"


def decode_query(given: Iterable[tuple[str, str]], known: tuple[Query, ...]) -> dict[str, str]:
    """The parameters of a query. One that is not known, or stands twice, is refused: a misspelt filter filters nothing.

    A call without parameters minds none. Raises Refused(invalid_body).
    """
    found: dict[str, str] = {}
    schemas = {one.name: one.schema for one in known}
    for name, value in given if known else ():
        if name not in schemas:
            text = f"is no parameter here; there are {', '.join(schemas)}"
            raise invalid_body(FieldError(name[: limits.WORD_MAX], "unknown", text))
        if name in found:
            raise invalid_body(FieldError(name, "twice", "stands twice"))
        at_least, at_most = schemas[name].get("minLength", 0), schemas[name].get("maxLength", limits.TEXT_MAX)
        if not at_least <= len(value) <= at_most:
            raise invalid_body(FieldError(name, "out_of_range", f"must have {at_least} to {at_most} characters"))
        found[name] = value
    return found


def page_size(query: Mapping[str, str]) -> int:
    """How many rows of a page are wanted. Raises Refused(invalid_body)."""
    return bodies.page_size(query.get("limit"), limits.PAGE_USUAL, limits.PAGE_MAX)


def optional_word(query: Mapping[str, str], name: str, words: type[W]) -> W | None:
    """A parameter that is one of some words, where it is there. Raises Refused(invalid_body)."""
    text = query.get(name)
    return None if text is None else _word(words, text, name)


def flag(query: Mapping[str, str], name: str) -> bool:
    """Whether a parameter says true; false unless it is there. Raises Refused(invalid_body)."""
    text = query.get(name, "false")
    if text not in ("true", "false"):
        raise invalid_body(FieldError(name, "not_a_flag", "true or false"))
    return text == "true"


def seen_version(query: Mapping[str, str]) -> int | None:
    """The version of an order that whoever acts has seen, where they say it. Raises Refused(invalid_body)."""
    text = query.get("version")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= limits.NUMBER_DIGITS_MAX and int(text)):
        raise invalid_body(FieldError("version", "out_of_range", "must be a whole number from 1"))
    return int(text)


def searched(query: Mapping[str, str]) -> str:
    """What is looked for. Raises Refused(invalid_body)."""
    text = query.get("q", "").strip()
    if not text or "\0" in text:
        raise invalid_body(FieldError("q", "missing", "say what to look for: any id or number"))
    return text


def delivery_place(query: Mapping[str, str]) -> tuple[str, str] | None:
    """The event and the endpoint that a page of deliveries comes after; just an event: those of the ones before it."""
    event_id, _, endpoint_id = query.get("after", "").partition("/")
    return (event_id, endpoint_id) if event_id else None


def seen_state(body: wire_webhooks.ResendEvent) -> DeliveryState | None:
    """How far the delivery was that is to be made again. Raises Refused(invalid_body)."""
    if body.state is None:
        return None
    if body.endpoint_id is None:
        raise invalid_body(FieldError("$.state", "contradiction", "give the endpoint_id that it is about as well"))
    return _word(DeliveryState, body.state, "$.state")


def decode_accept(body: wire.AcceptOrder) -> c.AcceptOrder:
    """Raises Refused(invalid_body)."""
    return c.AcceptOrder(body.prep_time_min, _time(body.ready_at, "$.ready_at") if body.ready_at is not None else None)


def decode_reject(body: wire.RejectOrder) -> c.RejectOrder:
    """Raises Refused(invalid_body)."""
    return c.RejectOrder(_word(ReasonCode, body.reason_code, "$.reason_code"), body.reason)


def decode_eta(body: wire.MoveEta, now: datetime) -> c.MoveEta:
    """Raises Refused(invalid_body)."""
    if (body.ready_at is None) == (body.ahead_min is None):
        raise invalid_body(FieldError("$", "contradiction", "give ready_at or ahead_min, one of them"))
    if body.ready_at is not None:
        return c.MoveEta(_time(body.ready_at, "$.ready_at"))
    return c.MoveEta(now + timedelta(minutes=body.ahead_min or 0))


def decode_cancel(body: wire.CancelOrder) -> c.RequestCancel:
    """Raises Refused(invalid_body)."""
    return c.RequestCancel(c.STAFF, _word(ReasonCode, body.reason_code, "$.reason_code"), body.note)


def decode_rules(body: wire.SetRules) -> dict[str, Any]:
    """What is to change of a store's rules, by their names. Raises Refused(invalid_body)."""
    named: dict[str, Any] = {name: value for name, value in msgspec.structs.asdict(body).items() if value is not None}
    if not named:
        raise invalid_body(FieldError("$", "empty", f"name what is to change: {', '.join(body.__struct_fields__)}"))
    if body.price_check is not None:
        named["price_check"] = _word(PriceCheck, body.price_check, "$.price_check")
    if body.total_tolerance is not None:
        named["total_tolerance"] = Cents(body.total_tolerance)
    return named


def decode_hours(body: wire_places.SetHours) -> tuple[ServingTime, ...]:
    """Raises Refused(invalid_body)."""
    found: list[ServingTime] = []
    for place, one in enumerate(body.serving_times):
        try:
            found.append(read_serving_time(one.days, one.opens, one.closes))
        except ValueError as error:
            raise invalid_body(FieldError(f"$.serving_times[{place}]", "invalid", str(error))) from None
    return tuple(found)


def decode_taxes(body: wire_places.SetTaxes) -> dict[str, Any]:
    """What is to change of an organization's tax rules, by their names. Raises Refused(invalid_body)."""
    named: dict[str, Any] = {}
    if body.rounding is not None:
        named["rounding"] = _word(Rounding, body.rounding, "$.rounding")
    if body.per is not None:
        named["per"] = _word(TaxPer, body.per, "$.per")
    if not named:
        raise invalid_body(FieldError("$", "empty", "name what is to change: rounding, per"))
    return named


def decode_order_types(words: Sequence[str]) -> tuple[OrderType, ...]:
    """Raises Refused(invalid_body)."""
    known = {order_type_word(one): one for one in OrderType}
    for place, word in enumerate(words):
        if word not in known:
            text = f"{word!r} is none of {', '.join(known)}"
            raise invalid_body(FieldError(f"$.order_types[{place}]", "unknown_word", text))
    return tuple(known[word] for word in words)


@dataclass(frozen=True, slots=True)
class Span:
    """Which events go out again: those from a time, before another, dead since a third, behind one of them."""

    since: datetime
    until: datetime | None
    dead_since: datetime | None
    everything: bool
    after: EventId | None


def decode_replay(body: wire_webhooks.Replay, at: str = "$.") -> Span:
    """`at` stands before the names of what is wrong. Raises Refused(invalid_body)."""
    until = _time(body.until, f"{at}until") if body.until is not None else None
    dead_since = _time(body.dead_since, f"{at}dead_since") if body.dead_since is not None else None
    after = EventId(body.after) if body.after is not None else None
    span = Span(_time(body.since, f"{at}since"), until, dead_since, body.everything, after)
    if until is not None and until <= span.since:
        raise invalid_body(FieldError(f"{at}until", "out_of_range", "must be later than since"))
    if body.everything and dead_since is not None:
        raise invalid_body(FieldError(f"{at}dead_since", "contradiction", "give dead_since or everything, not both"))
    if body.endpoint_id is not None and body.marketplace is not None:
        raise invalid_body(FieldError(f"{at}marketplace", "contradiction", "give endpoint_id or marketplace, not both"))
    return span


def replay_asked(query: Mapping[str, str]) -> wire_webhooks.Replay:
    """A replay as a query asks about it. Raises Refused(invalid_body)."""
    if "since" not in query:
        raise invalid_body(FieldError("since", "missing", "say from which time, such as 2026-03-14T12:00:00Z"))
    return wire_webhooks.Replay(
        since=query["since"],
        until=query.get("until"),
        endpoint_id=query.get("endpoint_id"),
        marketplace=query.get("marketplace"),
        everything=flag(query, "everything"),
        dead_since=query.get("dead_since"),
        after=query.get("after"),
    )


def decode_provider(body: wire.SetProvider) -> ProviderKind | None:
    """Who is to hold the money, None: nobody. Raises Refused(invalid_body)."""
    if body.secret is not None and not all("!" <= one <= "~" for one in body.secret):
        raise invalid_body(FieldError("$.secret", "no_secret", "a key has no blanks and no letters but those of ASCII"))
    if body.url is not None:
        decode_web_address(body.url, "$.url")
    if body.provider == NO_PROVIDER:
        return None
    try:
        return ProviderKind(body.provider)
    except ValueError:
        words = ", ".join([*ProviderKind, NO_PROVIDER])
        raise invalid_body(FieldError("$.provider", "unknown_word", f"one of {words}")) from None


def decode_web_address(text: str, path: str) -> str:
    """An address that events may go to. Raises Refused(invalid_body)."""
    if not is_web_address(text):
        raise invalid_body(FieldError(path, "no_address", "an address such as https://nosh.example/heard"))
    return text


def _time(text: str, path: str) -> datetime:
    """A time with its offset, in UTC."""
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):  # no time, or at the very end of all times
        pass
    raise invalid_body(FieldError(path, "no_time", "a time with its offset, such as 2026-03-14T12:00:00Z"))


def _word(words: type[W], text: str, path: str) -> W:
    try:
        return words(text)
    except ValueError:
        raise invalid_body(FieldError(path, "unknown_word", f"one of {', '.join(words)}")) from None
