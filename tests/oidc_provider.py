"""A provider that people sign in through, as a real one: discovery, keys, a page that asks, codes that are good once.

What it does wrong, a test sets: `changes` to the claims of the next tokens, another key, another algorithm.
"""

import asyncio
import base64
import hashlib
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from heard.net.listening import listening
from heard.net.serving import serve

CLIENT_ID, CLIENT_SECRET = "heard:console", "a secret/of 30 signs+or so?"


def new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass(slots=True)
class OidcProvider:
    """`person`: the claims of who sits at its page, which leads back at once; with `deny`, they do not want to."""

    issuer: str
    person: dict[str, Any] = field(
        default_factory=lambda: {"sub": "0417", "email": "ana@brand.example", "email_verified": True}
    )
    changes: dict[str, Any] = field(default_factory=dict)
    discovery: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    key: Any = field(default_factory=new_key)
    signs_with: Any = None
    key_id: str = "one"
    calls: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._discover),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
                Route("/keys", self._keys),
            ]
        )

    async def _discover(self, _: Request) -> Response:
        self.calls.append("discovery")
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        }
        return JSONResponse(said | self.discovery)

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT_ID)
        assert (asked["scope"], asked["code_challenge_method"]) == ("openid email profile", "S256")
        if "deny" in self.person:
            back = {"error": "access_denied", "state": asked["state"]}
            return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 302)
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}", 302)

    async def _token(self, request: Request) -> Response:
        self.calls.append("token")
        form = dict(parse_qsl((await request.body()).decode(), strict_parsing=True))
        if not self._is_client(request.headers.get("authorization"), form):
            return JSONResponse({"error": "invalid_client"}, 401)
        asked = self.codes.pop(form["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
        good = asked is not None and asked["redirect_uri"] == form["redirect_uri"]
        if asked is None or not good or asked["code_challenge"] != challenge.rstrip("="):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked["nonce"]}
        claims = {name: one for name, one in (claims | self.person | self.changes).items() if one is not None}
        key = self.key if self.signs_with is None else self.signs_with
        token = jwt.encode(claims, key, algorithm=self.algorithm, headers={"kid": self.key_id})
        return JSONResponse({"access_token": "at", "token_type": "Bearer", "id_token": token})

    def _is_client(self, authorization: str | None, form: dict[str, str]) -> bool:
        if self.discovery.get("token_endpoint_auth_methods_supported") == ["client_secret_post"]:
            return authorization is None and (form["client_id"], form["client_secret"]) == (CLIENT_ID, CLIENT_SECRET)
        pair = "heard%3Aconsole:a%20secret%2Fof%2030%20signs%2Bor%20so%3F"  # each form-encoded by itself
        return authorization == f"Basic {base64.b64encode(pair.encode()).decode()}"

    async def _keys(self, _: Request) -> Response:
        self.calls.append("keys")
        shown = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return JSONResponse({"keys": [{**shown, "kid": self.key_id, "use": "sig", "alg": "RS256"}]})


@asynccontextmanager
async def a_provider() -> AsyncIterator[OidcProvider]:
    """One on a free port."""
    with listening("127.0.0.1", 0) as bound:
        provider = OidcProvider(f"http://127.0.0.1:{bound.getsockname()[1]}")
        serving = asyncio.create_task(serve(provider.app(), bound))
        try:
            yield provider
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)


def settings(provider: OidcProvider, **more: str) -> dict[str, str]:
    """How a hub is told of it."""
    return {
        "HEARD_OIDC_ISSUER": provider.issuer,
        "HEARD_OIDC_CLIENT_ID": CLIENT_ID,
        "HEARD_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "HEARD_OIDC_NAME": "Brand ID",
        **more,
    }
