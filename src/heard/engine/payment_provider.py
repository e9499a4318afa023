"""An organization's payment provider: who it is, set and shown; and what a worker needs to ask it about an order."""

from dataclasses import dataclass, field

from heard.domain.ids import OrganizationId, payment_id_of
from heard.domain.order.model import Order
from heard.domain.payments import ProviderKind
from heard.domain.refusals import Code, FieldError, Refused
from heard.engine.hub import Hub
from heard.protocols.strict_json import invalid_body
from heard.storage import payments
from heard.storage.payments import Payment, ProviderSettings


@dataclass(frozen=True, slots=True)
class Account:
    """Where an order's money is, and how to ask there. The secret never shows."""

    payment: Payment
    secret: str | None = field(repr=False)
    url: str | None


async def set_provider(
    hub: Hub, organization_id: OrganizationId, kind: ProviderKind | None, secret: str | None, url: str | None
) -> ProviderSettings:
    """Set who holds the money of payments that begin from now on; those that were begun stay where they are.

    For that, a secret is kept until another one takes its place. Raises Refused(invalid_body).
    """
    if kind is not ProviderKind.STRIPE and (secret is not None or url is not None):
        path = "$.secret" if secret is not None else "$.url"
        raise invalid_body(FieldError(path, "contradiction", "only the provider stripe has one"))
    sealed = hub.sealer.seal(secret, _place(organization_id)) if secret is not None else None
    async with hub.connection() as connection, connection.transaction():
        known = await payments.read_provider(connection, organization_id)
        if known is None:
            text = f"there is no organization {organization_id!r}"
            raise invalid_body(FieldError("$.organization_id", "unknown_organization", text))
        if kind is ProviderKind.STRIPE and sealed is None and known.secret_sealed is None:
            raise invalid_body(FieldError("$.secret", "missing", "stripe needs the secret key of the account"))
        # Payments that were begun at Stripe are ended there: its address stays with its secret.
        kept_url = url if kind is ProviderKind.STRIPE else known.url
        settings = ProviderSettings(organization_id, kind, kept_url, sealed or known.secret_sealed)
        await payments.set_provider(connection, settings)
    return settings


async def read_provider(hub: Hub, organization_id: OrganizationId) -> ProviderSettings:
    """Raises Refused(not_found)."""
    async with hub.connection() as connection:
        known = await payments.read_provider(connection, organization_id)
    if known is None:
        raise Refused(Code.NOT_FOUND, f"There is no organization {organization_id!r}.")
    return known


async def find_account(hub: Hub, order: Order) -> Account:
    """Where an order's money is. Raises SealError when the hub's key is not the one that sealed the secret."""
    async with hub.connection() as connection:
        payment = await payments.read(connection, order.organization_id, payment_id_of(order.order_id))
        settings = await payments.read_provider(connection, order.organization_id)
    assert payment is not None  # an order is due to be paid only because its payment was begun
    assert settings is not None
    sealed = settings.secret_sealed if payment.provider is ProviderKind.STRIPE else None
    secret = hub.sealer.open(sealed, _place(order.organization_id)) if sealed is not None else None
    return Account(payment, secret, settings.url)


def _place(organization_id: OrganizationId) -> str:
    return f"payments of {organization_id}"
