"""What a channel is told about its order. The wire's words for these are each protocol's own."""

from enum import StrEnum


class EventKind(StrEnum):
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    IN_PREP = "in_prep"
    READY = "ready"
    COMPLETED = "completed"
    ETA_UPDATED = "eta_updated"
    CANCELLED = "cancelled"
