"""Webhook endpoints: what their marketplace is told about them, how far events to them are, when one has failed."""

from datetime import datetime, timedelta
from enum import StrEnum

from heard import limits

GONE = "it answered 410: the receiver says that it is gone for good"
IS_DISABLED = "the endpoint is disabled"  # why what waited for it is dead; then why it is so


class EndpointEvent(StrEnum):
    """What a marketplace is told about its own endpoints."""

    DISABLED = "endpoint_disabled"


class DeliveryState(StrEnum):
    """How far an event is on its way to an endpoint."""

    DUE = "due"
    DELIVERED = "delivered"
    DEAD = "dead"  # its ladder is used up; visible, and can be sent again


def failed_for_too_long(failures: int, failing_since: datetime | None, now: datetime) -> str | None:
    """Why an endpoint that took none of its last deliveries is to be disabled; None while it is not.

    Both bounds count: a busy endpoint fails a thousand times in a bad hour, a quiet one a few times in a week.
    """
    if failing_since is None or failures < limits.ENDPOINT_FAILURES_MIN:
        return None
    failing = now - failing_since
    if failing < timedelta(seconds=limits.ENDPOINT_FAILING_FOR_S):
        return None
    return f"it took none of {failures} deliveries within {failing.days} days"
