"""What a query asks for."""

from starlette.requests import Request

from heard.domain.refusals import FieldError
from heard.protocols.strict_json import invalid_body


def once(request: Request, name: str) -> str | None:
    """A parameter that may be given once: of two, nobody knows which is meant. Raises Refused(invalid_body)."""
    given = request.query_params.getlist(name)
    if len(given) > 1:
        raise invalid_body(FieldError(name, "repeated", "give it once"))
    return given[0] if given else None
