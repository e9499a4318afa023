"""Pages out of templates: every text of a stranger's is escaped, and nothing comes from another host."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from heard.domain.money import currency
from heard.domain.refusals import Code, Refused

_TYPES: Final = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
_FOR_EVER: Final = {"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"}


def render(name: str, **values: Any) -> str:
    """The text of a template with these values."""
    return _environment().get_template(name).render(**values)


def money(amount: int | None, code: str) -> str:
    """An amount in cents as people read it.

    >>> money(123456, "USD"), money(50000, "JPY")
    ('1,234.56 USD', '500 JPY')
    """
    if amount is None:
        return "-"
    sign, whole, cents = "-" if amount < 0 else "", abs(amount) // 100, abs(amount) % 100
    return f"{sign}{whole:,} {code}" if currency(code).step == 100 else f"{sign}{whole:,}.{cents:02d} {code}"


def moment(at: datetime | str | None, how: str = "time") -> Markup:
    """A time, which the reader's browser shows by its own clock: `time`, `ago`, `left`, or `day` with the day."""
    if at is None:
        return Markup("-")
    text = at if isinstance(at, str) else at.isoformat(timespec="milliseconds")
    return Markup('<time datetime="{0}" data-how="{1}">{2}</time>').format(text, how, text[:19].replace("T", " "))


def words(name: str | None) -> str:
    """A word of ours as people read it.

    >>> words("awaiting_pos")
    'awaiting POS'
    """
    return "" if name is None else " ".join(_SPELLED.get(one, one) for one in str(name).split("_"))


_SPELLED: Final = {"pos": "POS", "eta": "ETA", "id": "id"}


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("heard.console"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,  # a board includes a template 500 times, and would look 500 times whether its file is new
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(money=money, moment=moment, words=words)
    environment.globals.update(static=static_path)
    return environment


# --- what does not change -----------------------------------------------------------------------------------


def static_path(name: str) -> str:
    """Where a file is served: below its content's hash, so that a browser keeps it for ever."""
    return f"/console/static/{_files()[name][0]}/{name}"


async def static(request: Request) -> Response:
    """A file that comes with the console."""
    name = request.path_params["name"]
    found = _files().get(name)
    if found is None or found[0] != request.path_params["hash"]:
        raise Refused(Code.NOT_FOUND, f"Nothing is served at {request.url.path}.")
    return Response(found[1], 200, _FOR_EVER, _TYPES[name.rpartition(".")[2]])


@cache
def _files() -> Mapping[str, tuple[str, bytes]]:
    """Every file of the folder with its hash."""
    found = {}
    for one in resources.files("heard.console").joinpath("static").iterdir():
        if one.name.rpartition(".")[2] in _TYPES:
            raw = one.read_bytes()
            found[one.name] = hashlib.sha256(raw).hexdigest()[:12], raw
    return found
