"""The admin API's bodies about webhooks exactly as they stand on the wire; wire.py has the rest and says how."""

from typing import Any

import msgspec

from heard.protocols.admin.wire import Text, Url
from heard.protocols.bodies import Id, Reason, Word


class EndpointView(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """Where a marketplace is told. `failures` in a row; `due` events wait for it, `dead` ones are given up."""

    endpoint_id: str
    organization_id: str
    marketplace_id: str
    marketplace: str
    url: str
    enabled: bool
    failures: int
    due: int
    dead: int
    created_at: str
    failing_since: str | None = None
    disabled_at: str | None = None
    disabled_why: str | None = None
    old_secret_until: str | None = None


class EndpointPage(msgspec.Struct, kw_only=True, frozen=True):
    endpoints: list[EndpointView]
    next: str | None


class NewEndpoint(msgspec.Struct, kw_only=True, frozen=True):
    """POST /admin/v1/webhooks/endpoints; a marketplace's name or id."""

    marketplace: Text
    url: Url


class EndpointAdded(msgspec.Struct, kw_only=True, frozen=True):
    """A new endpoint, with its secret, shown this once. It gets what comes about from now on."""

    endpoint_id: str
    marketplace_id: str
    marketplace: str
    url: str
    webhook_secret: str

    def __repr__(self) -> str:
        return f"EndpointAdded(endpoint_id={self.endpoint_id!r})"  # never the secret


class EndpointSecret(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """The new secret, shown this once. Deliveries are signed with the one before it too until `old_secret_until`."""

    endpoint_id: str
    webhook_secret: str
    old_secret_until: str | None = None

    def __repr__(self) -> str:
        return f"EndpointSecret(endpoint_id={self.endpoint_id!r})"  # never the secret


class DisableEndpoint(msgspec.Struct, kw_only=True, frozen=True):
    """POST /admin/v1/webhooks/endpoints/{endpoint_id}/disable; its marketplace reads the reason."""

    reason: Reason


class EndpointState(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """`new`: it was not so before. `trouble_since`: when what it was in began, for a replay of what is dead since."""

    endpoint_id: str
    enabled: bool
    new: bool
    trouble_since: str | None = None


class EndpointRemoved(msgspec.Struct, kw_only=True, frozen=True):
    endpoint_id: str
    url: str


class DeliveryView(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """An event on its way to an endpoint, taken there, or given up (dead)."""

    event_id: str
    endpoint_id: str
    organization_id: str
    marketplace_id: str
    type: str
    state: str
    attempts: int
    created_at: str
    order_id: str | None = None
    venue_id: str | None = None
    last_error: str | None = None
    next_at: str | None = None
    delivered_at: str | None = None
    dead_at: str | None = None


class DeliveryPage(msgspec.Struct, kw_only=True, frozen=True):
    deliveries: list[DeliveryView]
    next: str | None


class EventView(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """An event as it was written. What it is about has one of the three ids; `body` is the webhook's."""

    event_id: str
    organization_id: str
    marketplace_id: str
    type: str
    sequence: int
    created_at: str
    body: dict[str, Any]
    order_id: str | None = None
    venue_id: str | None = None
    endpoint_id: str | None = None


class EventWay(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """An event's way to one endpoint; it is tried until `give_up_at`."""

    endpoint_id: str
    url: str
    state: str
    attempts: int
    give_up_at: str
    last_error: str | None = None
    next_at: str | None = None
    delivered_at: str | None = None
    dead_at: str | None = None
    disabled_at: str | None = None


class EventAttempt(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """One try to deliver an event. Without a `status`, no answer came: `error` says why."""

    endpoint_id: str
    at: str
    ms: float
    status: int | None = None
    error: str | None = None


class EventDetail(msgspec.Struct, kw_only=True, frozen=True):
    """Without `deliveries`, it is in the feed only: no endpoint was enabled when it came about."""

    event: EventView
    deliveries: list[EventWay]
    attempts: list[EventAttempt]


class ResendEvent(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """POST /admin/v1/webhooks/events/{event_id}/resend; to every enabled endpoint of its marketplace, or to one.

    `state`: only if the delivery to that one still stands there; 409 when it has changed.
    """

    endpoint_id: Id | None = None
    state: Word | None = None


class EventResent(msgspec.Struct, kw_only=True, frozen=True):
    """`resent`: to how many endpoints; 0: it is under way just now, or none is enabled."""

    event_id: str
    resent: int


class Replay(msgspec.Struct, kw_only=True, omit_defaults=True, frozen=True):
    """POST /admin/v1/webhooks/replay: which events go out again, and where: to one endpoint, to those of a marketplace
    (its name or id), or to all that are enabled.

    Events from `since` until before `until` that are dead; with `everything`, also those that were taken or that an
    endpoint never had; with `dead_since`, only those that are dead since then. `after`: the `next` of the call before.
    """

    since: Word
    until: Word | None = None
    endpoint_id: Id | None = None
    marketplace: Text | None = None
    everything: bool = False
    dead_since: Word | None = None
    after: Id | None = None


class Replayed(msgspec.Struct, kw_only=True, frozen=True):
    """So many deliveries are due again, the oldest first; `next` is null when that was all."""

    resent: int
    next: str | None


class ReplayCount(msgspec.Struct, kw_only=True, frozen=True):
    """What a replay would send again, by endpoint."""

    count: int
    endpoints: dict[str, int]
