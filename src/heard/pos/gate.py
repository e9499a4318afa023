"""Who may come in, and what they mean: token, digest, organization, location. The caller learns no more than wire.md
allows; the log says which rule failed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from heard import limits
from heard.domain.pos import PosCancel, PosOrder
from heard.domain.refusals import Code, Refused
from heard.net.remembered import Remembered
from heard.pos.adapter import Location
from heard.pos.options import Options
from heard.pos.store import Store
from heard.protocols.posnext import auth

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Hub:
    """Whoever holds a SharedId. `shared_id` is the one that proved it: answers are signed under the same."""

    shared_id: str = field(repr=False)
    organization_id: str | None  # as the token claims it


class Gate:
    """One kit's gate."""

    def __init__(self, options: Options, store: Store, clock: Callable[[], datetime]) -> None:
        self._options, self._store, self._clock = options, store, clock
        # What was verified is good for as long as it said, and for a minute at most.
        self._hubs: Remembered[str, Hub] = Remembered(limits.TOKEN_CACHE_MAX, limits.TOKEN_CACHE_S)
        self._locations: Remembered[tuple[str, str], Location] = Remembered(
            limits.LOCATION_CACHE_MAX, limits.LOCATION_CACHE_S
        )

    def hub(self, authorizations: Sequence[str]) -> Hub:
        """Who calls, by every Authorization header there is. Raises Refused(invalid_token | organization_mismatch)."""
        authorization = authorizations[0] if authorizations else None
        known = self._hubs.get(authorization) if authorization and len(authorizations) == 1 else None
        if known is not None:
            return known
        now, rule = self._clock(), "no_usable_key"
        for shared_id in self._options.shared_ids if len(authorizations) < 2 else ():
            try:
                claims = auth.verify_token(authorization, [shared_id], now, None)
            except auth.TokenRefused as refused:
                # Under the other key of two it is the signature that fails: what failed under its own says more.
                rule = refused.rule if rule in ("no_usable_key", "signature") else rule
                continue
            claimed = {one for one in (claims.subject, claims.organization_id) if one is not None}
            if len(claimed) > 1:
                log.warning("refused", rule="token:two_organizations")
                raise Refused(Code.ORGANIZATION_MISMATCH, "The token claims two organizations.")
            left_s = claims.expires_at_s + limits.JWT_LEEWAY_S - now.timestamp()
            return self._hubs.put(authorizations[0], Hub(shared_id, next(iter(claimed), None)), left_s)
        rule = rule if len(authorizations) < 2 else "twice"
        log.warning("refused", rule=f"token:{rule}")
        raise Refused(Code.INVALID_TOKEN, rule)

    def organization(self, hub: Hub, named: str | None) -> str:
        """The organization that a body names, held against the token; "" where neither names one. Raises Refused."""
        if named is not None and hub.organization_id not in (None, named):
            log.warning("refused", rule="organization_mismatch", claimed=hub.organization_id, named=named)
            raise Refused(Code.ORGANIZATION_MISMATCH, "The body names another organization than the token.")
        return named or hub.organization_id or ""

    def signed(self, about: PosOrder | PosCancel, raw: bytes, digests: Sequence[str]) -> None:
        """The payload signature, by every header of its name that there is. Raises Refused(invalid_digest)."""
        shared_ids, scheme = self._options.shared_ids, self._options.signature
        header = digests[0] if digests else None
        try:
            if len(digests) > 1:
                raise auth.DigestRefused("twice")
            if isinstance(about, PosOrder):
                auth.verify_order(about, raw, header, shared_ids, scheme)
            else:
                auth.verify_cancel(about, raw, header, shared_ids, scheme)
        except auth.DigestRefused as refused:
            log.warning("refused", rule=f"digest:{refused.rule}")
            raise Refused(Code.INVALID_DIGEST, refused.rule) from None

    async def location(self, organization_id: str, location_id: str) -> Location:
        """Your location for PAR's ids. Raises Refused(unknown_location): the adapter never hears of it."""
        key = (organization_id, location_id)
        own = self._locations.get(key)
        if own is None:
            own = await self._store.own_location(*key)
            if own is None:
                log.warning("refused", rule="unmapped", organization=organization_id, location=location_id)
                raise Refused(Code.UNKNOWN_LOCATION, f"There is no location {location_id!r} of {organization_id!r}.")
            self._locations.put(key, own)
        log.info(
            "mapped",
            organization=organization_id,
            location=location_id,
            own_organization=own.organization_id,
            own_location=own.location_id,
        )
        return own
