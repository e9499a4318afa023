"""The admin API's handlers for marketplaces, and for what each may do."""

from starlette.responses import Response

from heard.engine import change_client, oversee
from heard.engine.add_parties import add_marketplace
from heard.engine.hub import Hub
from heard.http.admin.asked import AdminHandler, Asked, answer
from heard.protocols.admin import decode, encode, wire
from heard.storage.marketplaces import Marketplace


def handlers(hub: Hub) -> dict[str, AdminHandler]:
    """Every handler by the name of its operation."""

    async def list_(asked: Asked) -> Response:
        count = decode.page_size(asked.query)
        rows = await oversee.marketplaces_page(hub, asked.organization_id, count, asked.query.get("after", ""))
        last = rows[-1]["marketplace_id"] if len(rows) == count else None
        return answer(wire.MarketplacePage(marketplaces=[encode.marketplace_view(row) for row in rows], next=last))

    async def add(asked: Asked) -> Response:
        url = decode.decode_web_address(asked.body.webhook_url, "$.webhook_url")
        whose = await oversee.organization_for(hub, asked.organization_id, asked.body.organization_id)
        made = await add_marketplace(hub, whose, asked.body.name, url, await hub.now())
        body = wire.MarketplaceAdded(
            marketplace_id=made.marketplace_id,
            organization_id=made.organization_id,
            name=asked.body.name,
            client_id=made.marketplace_id,
            client_secret=made.client_secret,
            webhook_secret=made.webhook_secret,
        )
        return answer(body, 201, secret=True)

    async def rotate(asked: Asked) -> Response:
        hours = asked.body.keep_old_hours
        rotated = await change_client.rotate_secret(hub, asked.organization_id, _named(asked), hours)
        body = wire.SecretRotated(
            marketplace_id=rotated.marketplace.marketplace_id,
            name=rotated.marketplace.name,
            client_id=rotated.marketplace.marketplace_id,
            client_secret=rotated.client_secret,
            old_secret_until=encode.time_text(rotated.old_until) if rotated.old_until else None,
        )
        return answer(body, secret=True)

    async def revoke(asked: Asked) -> Response:
        marketplace, count = await change_client.revoke_tokens(hub, asked.organization_id, _named(asked))
        return answer(wire.TokensRevoked(**_who(marketplace), revoked=count))

    async def disable(asked: Asked) -> Response:
        marketplace, new = await change_client.disable_client(hub, asked.organization_id, _named(asked))
        return answer(wire.ClientState(**_who(marketplace), enabled=False, new=new))

    async def enable(asked: Asked) -> Response:
        marketplace, new = await change_client.enable_client(hub, asked.organization_id, _named(asked))
        return answer(wire.ClientState(**_who(marketplace), enabled=True, new=new))

    async def scopes(asked: Asked) -> Response:
        wanted = asked.body.scopes
        marketplace, now = await change_client.set_scopes(hub, asked.organization_id, _named(asked), wanted)
        return answer(wire.ClientScopes(**_who(marketplace), scopes=list(now)))

    return {
        "list_marketplaces": list_,
        "add_marketplace": add,
        "rotate_secret": rotate,
        "revoke_tokens": revoke,
        "disable_marketplace": disable,
        "enable_marketplace": enable,
        "set_scopes": scopes,
    }


def _named(asked: Asked) -> str:
    return asked.path["marketplace_id"]


def _who(marketplace: Marketplace) -> dict[str, str]:
    return {"marketplace_id": marketplace.marketplace_id, "name": marketplace.name}
