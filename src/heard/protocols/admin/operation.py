"""What one call of the admin API is, and what several of them have in common."""

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import msgspec

from heard import limits
from heard.protocols.openapi import Query, paging

R_co = TypeVar("R_co", bound=msgspec.Struct, covariant=True)


@dataclass(frozen=True, slots=True)
class Operation(Generic[R_co]):
    """One call. `request` None: it has no body. `success` are the statuses of a good answer."""

    name: str
    method: str
    path: str
    summary: str
    scope: str
    response: type[R_co]
    request: type[msgspec.Struct] | None = None
    success: tuple[int, ...] = (200,)
    queries: tuple[Query, ...] = ()
    body_bytes_max: int = limits.ADMIN_BYTES_MAX


ID: Final = {"type": "string", "minLength": 1, "maxLength": limits.ID_MAX}
PAGE: Final = paging(limits.PAGE_MAX, "The `next` of the page before", ID)
STORES: Final = "/admin/v1/stores"
