"""The admin API's handlers for marketplaces and applications, and for what each may do."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from heard.domain.channels import ChannelKind
from heard.engine import change_client, oversee
from heard.engine.add_parties import add_application, add_marketplace
from heard.engine.hub import Hub
from heard.http.admin.asked import AdminHandler, Asked, answer
from heard.protocols.admin import decode, encode, wire
from heard.storage.marketplaces import Marketplace


def handlers(hub: Hub) -> dict[str, AdminHandler]:
    """Every handler by the name of its operation."""
    marketplaces, applications = _steering(hub, ChannelKind.MARKETPLACE), _steering(hub, ChannelKind.APPLICATION)
    return {
        **_marketplaces(hub),
        "rotate_secret": marketplaces["rotate_secret"],
        "revoke_tokens": marketplaces["revoke_tokens"],
        "disable_marketplace": marketplaces["disable"],
        "enable_marketplace": marketplaces["enable"],
        "set_scopes": marketplaces["set_scopes"],
        **_applications(hub),
        "rotate_application_secret": applications["rotate_secret"],
        "revoke_application_tokens": applications["revoke_tokens"],
        "disable_application": applications["disable"],
        "enable_application": applications["enable"],
        "set_application_scopes": applications["set_scopes"],
    }


def _marketplaces(hub: Hub) -> dict[str, AdminHandler]:
    async def list_(asked: Asked) -> Response:
        rows, last = await _page(hub, ChannelKind.MARKETPLACE, asked)
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

    return {"list_marketplaces": list_, "add_marketplace": add}


def _applications(hub: Hub) -> dict[str, AdminHandler]:
    async def list_(asked: Asked) -> Response:
        rows, last = await _page(hub, ChannelKind.APPLICATION, asked)
        return answer(wire.ApplicationPage(applications=[encode.application_view(row) for row in rows], next=last))

    async def add(asked: Asked) -> Response:
        whose = await oversee.organization_for(hub, asked.organization_id, asked.body.organization_id)
        made = await add_application(hub, whose, asked.body.name)
        body = wire.ApplicationAdded(
            application_id=made.application_id,
            organization_id=made.organization_id,
            name=asked.body.name,
            application_key=made.application_key,
            client_id=made.application_id,
            client_secret=made.client_secret,
        )
        return answer(body, 201, secret=True)

    return {"list_applications": list_, "add_application": add}


def _steering(hub: Hub, kind: ChannelKind) -> dict[str, AdminHandler]:
    """What is done to a channel of one kind; one of the other kind is unknown there."""

    async def rotate(asked: Asked) -> Response:
        hours = asked.body.keep_old_hours
        rotated = await change_client.rotate_secret(hub, asked.organization_id, _named(asked), hours, kind)
        body = wire.SecretRotated(
            marketplace_id=rotated.marketplace.marketplace_id,
            name=rotated.marketplace.name,
            client_id=rotated.marketplace.marketplace_id,
            client_secret=rotated.client_secret,
            old_secret_until=encode.time_text(rotated.old_until) if rotated.old_until else None,
        )
        return answer(body, secret=True)

    async def revoke(asked: Asked) -> Response:
        channel, count = await change_client.revoke_tokens(hub, asked.organization_id, _named(asked), kind)
        return answer(wire.TokensRevoked(**_who(channel), revoked=count))

    async def disable(asked: Asked) -> Response:
        channel, new = await change_client.disable_client(hub, asked.organization_id, _named(asked), kind)
        return answer(wire.ClientState(**_who(channel), enabled=False, new=new))

    async def enable(asked: Asked) -> Response:
        channel, new = await change_client.enable_client(hub, asked.organization_id, _named(asked), kind)
        return answer(wire.ClientState(**_who(channel), enabled=True, new=new))

    async def scopes(asked: Asked) -> Response:
        wanted = asked.body.scopes
        channel, now = await change_client.set_scopes(hub, asked.organization_id, _named(asked), wanted, kind)
        return answer(wire.ClientScopes(**_who(channel), scopes=list(now)))

    return {
        "rotate_secret": rotate,
        "revoke_tokens": revoke,
        "disable": disable,
        "enable": enable,
        "set_scopes": scopes,
    }


async def _page(hub: Hub, kind: ChannelKind, asked: Asked) -> tuple[list[Mapping[str, Any]], str | None]:
    """A page of the channels of a kind, and the `next` of it."""
    count = decode.page_size(asked.query)
    rows = await oversee.marketplaces_page(hub, kind, asked.organization_id, count, asked.query.get("after", ""))
    return rows, rows[-1]["marketplace_id"] if len(rows) == count else None


def _named(asked: Asked) -> str:
    return next(iter(asked.path.values()))


def _who(channel: Marketplace) -> dict[str, str]:
    return {"marketplace_id": channel.marketplace_id, "name": channel.name}
