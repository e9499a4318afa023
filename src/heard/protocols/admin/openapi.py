"""The admin API as OpenAPI 3.1: made from the operations and the wire structs."""

from typing import Any, Final

from heard import __version__
from heard.domain.endpoints import DeliveryState
from heard.domain.order.content import FulfillmentType, PaymentMethod
from heard.domain.order.model import Attention, Party, ReasonCode, Status, Ticket
from heard.domain.payments import PaymentState, ProviderKind
from heard.domain.stores import ConnectorKind, PriceCheck
from heard.protocols.admin.auth import SCOPES
from heard.protocols.admin.decode import NO_PROVIDER
from heard.protocols.admin.operation import Operation
from heard.protocols.admin.operations import OPERATIONS
from heard.protocols.openapi import About, Described, Json, document

_KEY: Final = "adminKey"
_DESCRIPTION: Final = """\
What an operator's programs may see and steer, of the one organization that their key belongs to. Amounts are cents,
times ISO 8601 in UTC. null counts as absent where a member may be left out, and members that are not named are ignored;
a list's parameter that is not named is refused."""
_REASONS: Final = [one.value for one in ReasonCode]
_STATUSES: Final = [one.value for one in Status]
_POS: Final = ["well", "failing", "gone", "none"]
_WORDS: Final = {
    ("OrderView", "status"): _STATUSES,
    ("OrderView", "ticket"): [one.value for one in Ticket],
    ("OrderView", "cancel_wanted"): _REASONS,
    ("OrderView", "cancelled_by"): [one.value for one in Party if one is not Party.PROVIDER],
    ("OrderView", "reason_code"): _REASONS,
    ("OrderView", "attention"): [one.value for one in Attention],
    ("OrderView", "payment"): [one.value for one in PaymentState],
    ("PaymentProvider", "provider"): [one.value for one in ProviderKind],
    ("SetProvider", "provider"): [*ProviderKind, NO_PROVIDER],
    ("HistoryLine", "after"): _STATUSES,
    ("HistoryLine", "before"): _STATUSES,
    ("Exchange", "direction"): ["in", "out"],
    ("Exchange", "peer"): ["channel", "pos", "payment"],
    ("Ordered", "type"): [one.value for one in FulfillmentType],
    ("Ordered", "payment"): [one.value for one in PaymentMethod],
    ("CancelOrder", "reason_code"): _REASONS,
    ("RejectOrder", "reason_code"): _REASONS,
    ("SetRules", "price_check"): [one.value for one in PriceCheck],
    ("Rules", "price_check"): [one.value for one in PriceCheck],
    ("DeliveryView", "state"): [*DeliveryState],
    ("EventWay", "state"): [*DeliveryState],
    ("StoreView", "pos"): _POS,
    ("StoreView", "connector"): [one.value for one in ConnectorKind],
    ("PosHealth", "pos"): _POS,
}
_TIMES: Final = frozenset(
    "placed_at received_at accept_by requested_at ready_at at menu_fetched_at gone_since next_probe_at last_answer_at"
    " last_fault_at kept_at fetched_at disabled_at old_secret_until created_at failing_since next_at"
    " delivered_at dead_at since until pos_gone_since pos_last_answer_at pos_last_fault_at give_up_at trouble_since"
    " dead_since".split()
)
_SECURITY: Final[dict[str, Json]] = {
    _KEY: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "hak_...",
        "description": "A key that `heard keys add` made. Its scopes: "
        + "; ".join(f"{scope}: {does}" for scope, does in SCOPES.items()),
    },
}


def admin_document() -> Json:
    about = About(
        title="Heard's admin API",
        version=__version__,
        description=_DESCRIPTION,
        security=_SECURITY,
        words=_WORDS,
        times=_TIMES,
    )
    return document(about, [_described(call) for call in OPERATIONS])


def _described(call: Operation[Any]) -> Described:
    return Described(
        name=call.name,
        method=call.method,
        path=call.path,
        summary=call.summary,
        request=call.request,
        response=call.response,
        answers=dict.fromkeys(call.success, ()),
        queries=call.queries,
        security=({_KEY: [call.scope]},),
    )
