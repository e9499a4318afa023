"""When to try again: pure functions of the count of failures and of chance. No clock, no sleeping."""

from heard import limits


def full_jitter_s(failures: int, chance: float, base_s: float, cap_s: float) -> float:
    """Anywhere between nothing and the doubled base: spreads a crowd that failed together.

    `failures` counts from 1, `chance` is in [0, 1). A floor of a tenth of the base keeps a lone caller from spinning.
    """
    ceiling = min(cap_s, base_s * 2.0 ** min(failures - 1, 30))
    return max(base_s / 10, ceiling * chance)


def attempt_delay_s(failures: int, chance: float) -> float:
    """Seconds until the next call to a POS that gave no answer."""
    return full_jitter_s(failures, chance, limits.BACKOFF_BASE_S, limits.BACKOFF_CAP_S)


def menu_delay_s(every_min: int, failures: int, chance: float) -> float:
    """Seconds until a store's menu is fetched again: sooner after a failure, growing; a tenth of jitter."""
    usual_s = every_min * 60.0
    sooner_s = limits.MENU_RETRY_FIRST_S * 2.0 ** min(failures - 1, 30)
    return (usual_s if failures == 0 else min(usual_s, sooner_s)) * (0.9 + chance / 5)


def poll_delay_s(polls: int, chance: float) -> float:
    """Seconds until the next read of an order the POS is slow with: 1 s growing to 15 s, less up to a quarter."""
    return min(limits.POLL_CAP_S, limits.POLL_FIRST_S * 1.5 ** min(polls, 30)) * (1.0 - chance / 4)


def follow_delay_s(reads: int, chance: float) -> float:
    """Seconds until the next read of a confirmed order's kitchen state."""
    return min(limits.FOLLOW_CAP_S, limits.FOLLOW_FIRST_S * 2.0 ** min(reads, 30)) * (0.75 + chance / 2)


def order_event_delay_s(failures: int, chance: float) -> float:
    """Seconds until the next delivery of an order's event; the order's own deadline bounds the ladder."""
    return full_jitter_s(failures, chance, limits.BACKOFF_BASE_S, limits.BACKOFF_CAP_S)


def probe_delay_s(probes: int, chance: float) -> float:
    """Seconds until a POS that is gone is probed again: 5 s growing to 60 s, a quarter of jitter."""
    return min(limits.PROBE_CAP_S, limits.PROBE_FIRST_S * 2.0 ** min(probes, 30)) * (0.75 + chance / 4)


def payment_delay_s(failures: int, chance: float) -> float:
    """Seconds until the next call to a payment provider that gave no answer. The ladder has no end, only a pace."""
    return full_jitter_s(failures, chance, limits.BACKOFF_BASE_S, limits.PAYMENT_RETRY_CAP_S)


def delivery_delay_s(*, of_order: bool, failures: int, chance: float, asked_s: float, left_s: float) -> float | None:
    """Seconds until an event's next delivery; None: it was the last. `left_s`: until its time is over.

    `asked_s`: what the receiver asked for (Retry-After), within bounds. Our reading: an order's event whose receiver
    asks for more time than there is gets a last try shortly before the end.
    """
    ladder_s = order_event_delay_s(failures, chance) if of_order else store_event_delay_s(failures, chance)
    if ladder_s is None or ladder_s >= left_s:
        return None
    delay_s = max(ladder_s, min(asked_s, limits.WEBHOOK_RETRY_AFTER_S_MAX))
    if delay_s < left_s:
        return delay_s
    return left_s - limits.WEBHOOK_LAST_TRY_S if left_s > 2 * limits.WEBHOOK_LAST_TRY_S else None


def store_event_delay_s(failures: int, chance: float) -> float | None:
    """Seconds until the next delivery of an event about a store; None when its ladder is used up. Source: wire.md 2."""
    if failures > len(limits.STORE_EVENT_LADDER_S):
        return None
    return limits.STORE_EVENT_LADDER_S[failures - 1] * (1.0 + chance / 10)
