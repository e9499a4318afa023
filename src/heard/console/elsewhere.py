"""The way to a provider that people sign in through, and back. What a try needs travels in the browser, sealed.

So whoever answers, of however many processes, can go on with it, and nothing is kept of tries that nobody ends.
"""

import asyncio
import base64
import binascii
import hmac
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from heard import limits
from heard.domain.people import Role
from heard.domain.refusals import Code, Refused
from heard.engine.hub import Hub
from heard.net.call import Answer, Call, Carrier
from heard.protocols import oidc
from heard.protocols.oidc import Attempt, Client, Identity, OidcRefused, Provider
from heard.storage.sealing import SealError

log = structlog.get_logger()

_PLACE: Final = "a try to sign in elsewhere"


@dataclass(frozen=True, slots=True)
class Try:
    """One browser's. `to`: the page that was wanted; `invitation`: the secret of the link it came by."""

    attempt: Attempt
    to: str
    invitation: str | None


class Elsewhere:
    """One provider. `joins_as`: the role of whoever it knows and we do not; None: they need a link."""

    def __init__(self, hub: Hub, carrier: Carrier, client: Client, joins_as: Role | None) -> None:
        self.client, self.joins_as = client, joins_as
        self._hub, self._carrier = hub, carrier
        self._provider: tuple[float, Provider] | None = None
        self._keys: tuple[float, list[Mapping[str, Any]]] | None = None
        self._fetching = asyncio.Lock()

    async def begin(self, back_url: str, to: str, invitation: str | None) -> tuple[str, str]:
        """Where the browser goes, and what it brings back besides. Raises Refused(unavailable)."""
        provider = await self._known_provider()
        attempt = Attempt(*(secrets.token_urlsafe(32) for _ in range(3)))
        until = (await self._hub.now()).timestamp() + limits.OIDC_TRY_S
        kept = json.dumps([attempt.state, attempt.nonce, attempt.verifier, to, invitation, until])
        sealed = base64.urlsafe_b64encode(self._hub.sealer.seal(kept, _PLACE)).decode()
        return oidc.authorization_url(provider, self.client, attempt, back_url), sealed

    async def read_try(self, sealed: str | None, query: Mapping[str, str]) -> Try:
        """The try that somebody comes back from. Raises Refused(invalid_client) when it is not this browser's."""
        try:
            kept = self._hub.sealer.open(base64.urlsafe_b64decode((sealed or "").encode()), _PLACE)
        except (SealError, binascii.Error, ValueError):
            raise _too_late() from None
        state, nonce, verifier, to, invitation, until = json.loads(kept)
        if not hmac.compare_digest(query.get("state", "").encode(), state.encode()):
            raise _too_late()
        if until < (await self._hub.now()).timestamp():
            raise _too_late()
        return Try(Attempt(state, nonce, verifier), to, invitation)

    async def identify(self, attempt: Attempt, query: Mapping[str, str], back_url: str) -> Identity:
        """Who it is. Raises Refused: invalid_client, unavailable."""
        code = query.get("code")
        if not code or len(code) > limits.OIDC_TOKEN_LENGTH_MAX:
            log.info("a provider let somebody not in", issuer=self.client.issuer, error=query.get("error", "")[:100])
            raise Refused(Code.INVALID_CLIENT, f"{self.client.name} did not let you in.")
        try:
            provider = await self._known_provider()
            headers, body = oidc.token_request(provider, self.client, attempt, code, back_url)
            token = oidc.id_token_of(await self._call("POST", provider.token_url, headers, body))
            keys = await self._known_keys(provider, oidc.key_id_of(token))
            return oidc.identity_of(token, keys, self.client, attempt, await self._hub.now())
        except OidcRefused as refused:
            log.warning("a provider proved nobody", issuer=self.client.issuer, rule=refused.rule)
            text = f"{self.client.name} did not prove who you are. Whoever runs this hub finds the reason in its log."
            raise Refused(Code.INVALID_CLIENT, text) from None

    async def _known_provider(self) -> Provider:
        async with self._fetching:
            if self._provider is None or self._provider[0] < time.monotonic() - limits.OIDC_KEPT_S:
                raw = await self._get(oidc.discovery_url(self.client.issuer))
                try:
                    self._provider = time.monotonic(), oidc.read_provider(raw, self.client.issuer)
                except OidcRefused as refused:
                    log.warning("a provider cannot be used", issuer=self.client.issuer, rule=refused.rule)
                    raise self._gone() from None
            return self._provider[1]

    async def _known_keys(self, provider: Provider, key_id: str | None) -> list[Mapping[str, Any]]:
        """Fetched anew once they are old, or where a key is named that is not among them. Raises OidcRefused."""
        async with self._fetching:
            read_at, keys = self._keys or (0.0, [])
            age_s = time.monotonic() - read_at
            missing = key_id is not None and all(one.get("kid") != key_id for one in keys)
            if self._keys is None or age_s > limits.OIDC_KEPT_S or (missing and age_s > limits.OIDC_KEYS_AGAIN_S):
                keys = oidc.read_keys(await self._get(provider.keys_url))
                self._keys = time.monotonic(), keys
            return keys

    async def _get(self, url: str) -> bytes:
        return await self._call("GET", url, {"accept": "application/json"}, None)

    async def _call(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
        """The body of a 200. Raises Refused(unavailable), OidcRefused for a token that is not granted."""
        call = Call(method, url, headers, body, limits.OIDC_CALL_TIMEOUT_S, limits.OIDC_ANSWER_BYTES_MAX)
        answer = await self._carrier.send(call)
        if isinstance(answer, Answer) and answer.status == 200:
            return answer.body
        said = str(answer.status) if isinstance(answer, Answer) else answer.reason
        log.warning("a provider did not answer as it should", url=url, said=said)
        if method == "POST" and isinstance(answer, Answer) and 400 <= answer.status < 500:
            raise OidcRefused(f"token_not_granted_{answer.status}")
        raise self._gone()

    def _gone(self) -> Refused:
        text = f"{self.client.name} cannot be reached. Try again in a moment, or sign in by your password."
        return Refused(Code.UNAVAILABLE, text, retry_after_s=10)


def _too_late() -> Refused:
    return Refused(Code.INVALID_CLIENT, "This try to sign in is over, or was begun in another browser. Begin anew.")
