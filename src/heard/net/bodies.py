"""Requests from strangers, read within bounds: size while it arrives, media type before it is decoded."""

import asyncio

from starlette.requests import Request

from heard import limits
from heard.domain.refusals import Code, Refused

_JSON = ("application/json",)


async def read_json_body(request: Request, bytes_max: int) -> bytes:
    """The raw JSON body. Raises Refused(unsupported_media_type | body_too_large | too_slow)."""
    media_type = media_type_of(request)
    if media_type not in _JSON and not media_type.endswith("+json"):
        raise Refused(Code.UNSUPPORTED_MEDIA_TYPE, f"Send application/json, not {media_type[:80] or 'nothing'}.")
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise Refused(Code.UNSUPPORTED_MEDIA_TYPE, f"Send the body as it is, without Content-Encoding {encoding[:80]}.")
    return await read_body(request, bytes_max)


async def read_body(request: Request, bytes_max: int) -> bytes:
    """The raw body. Raises Refused(body_too_large | too_slow) as soon as that is known."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > bytes_max:
        raise _too_large(bytes_max)
    body = bytearray()
    try:
        async with asyncio.timeout(limits.BODY_WITHIN_S):
            async for chunk in request.stream():
                body += chunk
                if len(body) > bytes_max:
                    raise _too_large(bytes_max)
    except TimeoutError:
        raise Refused(Code.TOO_SLOW, f"The body must come within {limits.BODY_WITHIN_S:g} s.") from None
    return bytes(body)


def media_type_of(request: Request) -> str:
    """The media type without its parameters, in lower case; empty when there is none."""
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def _too_large(bytes_max: int) -> Refused:
    return Refused(Code.BODY_TOO_LARGE, f"The body may have at most {bytes_max} bytes.")
