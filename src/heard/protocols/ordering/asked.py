"""What an application asks for, in our words: a cart and an order before they are held against a menu."""

from dataclasses import dataclass, field

from heard.domain.cart import WantedCart
from heard.domain.ids import SingularPointId
from heard.domain.money import Cents
from heard.domain.order_types import OrderType


@dataclass(frozen=True, slots=True)
class AskedCart:
    """What is to be priced, and where. When it is wanted is as it was said yet: what that means depends on the venue
    (domain/hours.py).
    """

    wanted: WantedCart
    singular_point_id: SingularPointId
    accurate_tax: bool
    pickup_asap: bool | None
    pickup_at: str | None
    delivery_address: str | None
    delivery_comment: str | None
    notes: str | None

    @property
    def order_type(self) -> OrderType:
        return self.wanted.order_type


@dataclass(frozen=True, slots=True)
class AskedCustomer:
    """Who orders; nothing of it shows in a log."""

    email: str | None = field(default=None, repr=False)
    first_name: str | None = field(default=None, repr=False)
    last_name: str | None = field(default=None, repr=False)
    phone_number: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AskedOrder:
    cart: AskedCart
    customer: AskedCustomer
    payment_init_hash: str = field(repr=False)
    is_reorder: bool = False


@dataclass(frozen=True, slots=True)
class AskedPayment:
    """A payment that is to begin."""

    singular_point_id: SingularPointId
    amount: Cents
    currency: str
    payment_method: str | None = field(default=None, repr=False)
