"""The admin API's handlers for who holds the guests' money."""

from starlette.responses import Response

from heard.engine import oversee
from heard.engine.hub import Hub
from heard.engine.payment_provider import read_provider, set_provider
from heard.http.admin.asked import AdminHandler, Asked, answer
from heard.protocols.admin import decode, wire
from heard.storage.payments import ProviderSettings


def handlers(hub: Hub) -> dict[str, AdminHandler]:
    """Every handler by the name of its operation."""

    async def read(asked: Asked) -> Response:
        named = asked.query.get("organization_id")
        whose = await oversee.organization_for(hub, asked.organization_id, named)
        return answer(_view(await read_provider(hub, whose)))

    async def set_(asked: Asked) -> Response:
        kind = decode.decode_provider(asked.body)
        whose = await oversee.organization_for(hub, asked.organization_id, asked.body.organization_id)
        return answer(_view(await set_provider(hub, whose, kind, asked.body.secret, asked.body.url)))

    return {"read_provider": read, "set_provider": set_}


def _view(settings: ProviderSettings) -> wire.PaymentProvider:
    return wire.PaymentProvider(
        organization_id=settings.organization_id,
        has_secret=settings.secret_sealed is not None,
        provider=settings.kind,
        url=settings.url,
    )
