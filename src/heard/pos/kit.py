"""The kit as an ASGI app: posnext's calls on one side, a vendor's adapter on the other.

It starts with its first request, since a mounted app is told nothing of its host's start, and ends with `close`.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any
from urllib.parse import quote

import msgspec
import structlog
from starlette.requests import Request
from starlette.responses import Response
from structlog.contextvars import bind_contextvars, unbind_contextvars

from heard import limits
from heard.domain.pos import RequestType
from heard.domain.refusals import Code, FieldError, Refused
from heard.net.answering import FAILED, answered, problem_response, request_id_of
from heard.net.bodies import read_json_body
from heard.net.guard import AddressGuard
from heard.net.outbound import Outbound
from heard.pos.adapter import AdapterError, Lives, Location, Standing, check_adapter, what_was_raised
from heard.pos.callbacks import Callbacks
from heard.pos.calling import Caller
from heard.pos.desk import Asked, Desk, Reply, Unsure
from heard.pos.gate import Gate, Hub
from heard.pos.menus import Menus, zipped
from heard.pos.options import Options
from heard.pos.routing import Routes, path_of
from heard.pos.store import Store, StoreError, open_store
from heard.protocols.posnext import auth, decode, rules
from heard.protocols.posnext.echo import echo_of
from heard.protocols.posnext.openapi import posnext_document
from heard.protocols.posnext.operations import CANCEL, MENUS, OPERATIONS, STATUS, SUBMIT, VALIDATE

log = structlog.get_logger()

_UID = "request_uid"  # in every line that is logged of a request, once it is known

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Handler = Callable[[Request], Awaitable[Response]]


class PosApp:
    """One vendor's POS behind posnext. Serve it, or mount it in FastAPI, Starlette or Django."""

    def __init__(
        self, adapter: object, options: Options, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        check_adapter(adapter)
        self.options = options
        self._adapter, self._clock = adapter, clock
        self._starting = asyncio.Lock()
        self._running: _Running | None = None
        self._desk: Desk | None = None  # takes reports from before the first request until after the last

    async def start(self) -> None:
        """Open the store and go on with what an earlier process left behind. Harmless when it runs already."""
        await self._started()

    async def _started(self) -> "_Running":
        if self._running is not None:
            return self._running
        async with self._starting:
            if self._running is None:
                running = _Running(self._adapter, self.options, await open_store(self.options.store), self._clock)
                self._desk = running.desk
                try:
                    if isinstance(self._adapter, Lives):
                        await self._adapter.started(self)
                except BaseException as error:
                    self._desk = None
                    await running.close()
                    if not isinstance(error, Exception):
                        raise
                    kind = type(self._adapter).__name__
                    raise AdapterError(f"{kind}: started failed: {what_was_raised(error)}") from error
                running.begin()
                self._running = running
            return self._running

    async def close(self) -> None:
        """Let requests under way end, within bounds; what does not end is taken up at the next start."""
        async with self._starting:
            running = self._running
            if running is None:
                return
            if isinstance(self._adapter, Lives):
                try:
                    await self._adapter.stopped()
                except Exception:
                    log.exception("the adapter raised", method="stopped")
            self._running = None
            await running.close()
            self._desk = None

    async def __aenter__(self) -> "PosApp":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def store(self) -> Store:
        """What it remembers. Only once it has been started."""
        assert self._running is not None, "start the app first"
        return self._running.store

    async def report(self, location: Location, standing: Standing) -> bool:
        """Tell the hub how a ticket stands now: the kitchen began, it is ready, it will be late, it was cancelled.

        Known to the hub by callback, or by its next look. False when the kit knows no such ticket.
        """
        desk = self._desk or (await self._started()).desk
        return await desk.report(location, standing)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(Request(scope, receive), send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _answer(self, request: Request, send: Send) -> None:
        try:
            running = await self._started()
        except Exception as error:
            if isinstance(error, StoreError):
                log.error("the kit cannot start", why=str(error))
            else:
                log.exception("the kit cannot start")
            refused = Refused(Code.UNAVAILABLE, "The POS cannot start; its log says why.", retry_after_s=2)
            await problem_response(refused, request_id_of(request))(request.scope, request.receive, send)
        else:
            await running.answer(request, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        """ASGI's lifespan, where the server or the host passes it on."""
        while (await receive())["type"] != "lifespan.shutdown":
            await self.start()
            await send({"type": "lifespan.startup.complete"})
        await self.close()
        await send({"type": "lifespan.shutdown.complete"})


class _Running:
    """An app that has been started."""

    def __init__(self, adapter: object, options: Options, store: Store, clock: Callable[[], datetime]) -> None:
        self._options, self.store, self._clock = options, store, clock
        self._adapter = Caller(adapter, options.at_once)
        self.desk = Desk(self._adapter, store, options, clock)
        self._gate = Gate(options, store, clock)
        self._menus = Menus(self._adapter)
        self._outbound = Outbound(AddressGuard(options.allow, "HEARD_POS_ALLOW"))
        self._callbacks = Callbacks(store, self._outbound, options, clock)
        self._beside: list[asyncio.Task[None]] = []
        handlers: dict[str, Handler] = {
            VALIDATE.name: partial(self._order, RequestType.VALIDATE),
            SUBMIT.name: partial(self._order, RequestType.PLACE),
            STATUS.name: self._status,
            CANCEL.name: self._cancel,
            MENUS.name: self._menu,
        }
        self._routes = Routes(OPERATIONS, handlers)
        self._answered = answered(self._handle, store.unreachable)

    def begin(self) -> None:
        """Look after what is due, from now on: each thing by itself, so that none waits for another."""
        for look, every_s in (
            (self.desk.take_over, limits.KIT_LOOK_S),
            (self._callbacks.look, limits.KIT_LOOK_S),
            (self.desk.keep_leases, limits.KIT_LEASE_S / 3),
            (self._forget, 3600.0),
        ):
            self._beside.append(asyncio.create_task(_every(every_s, look)))

    async def close(self) -> None:
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        await self._callbacks.close()
        await self.desk.finish(limits.SHUTDOWN_S)
        await self._outbound.__aexit__(None, None, None)
        self._adapter.close()
        await self.store.close()

    async def _forget(self) -> None:
        while await self.store.forget(limits.REQUESTS_KEPT_S) == limits.FORGET_BATCH_MAX:
            pass

    # --- requests -----------------------------------------------------------------------------------------

    async def answer(self, request: Request, send: Send) -> None:
        try:
            response = await self._answered(request)
        finally:
            unbind_contextvars(_UID)
        if response.status_code == 405:
            response.headers["allow"] = ", ".join(self._routes.methods_at(path_of(request.scope)))
        await response(request.scope, request.receive, send)

    async def _handle(self, request: Request) -> Response:
        path = path_of(request.scope)
        if request.method == "GET" and path in _OPEN:
            return Response(_OPEN[path](), 200, media_type="application/json")
        route, request.scope["path_params"] = self._routes.find(request.method, path)
        try:
            return await route.handler(request)
        except Unsure:  # a problem would say that nothing was done: the hub asks
            log.error("nobody can say whether a request is on disk", path=path)
            return Response("It is not known whether this was done: ask.", 504, media_type="text/plain")

    async def _order(self, wanted: RequestType, request: Request) -> Response:
        """Validate and submit: the same road, told apart by the path and the request_type, which must agree."""
        hub = self._gate.hub(request.headers.getlist("authorization"))
        return self._reply(hub, await self.desk.answer(await self._asked(wanted, hub, request)))

    async def _asked(self, wanted: RequestType, hub: Hub, request: Request) -> Asked:
        """An order read, held against the rules, and under way. While it is waited for, nobody here holds it."""
        raw = await read_json_body(request, limits.BODY_BYTES_MAX)
        order, sent = decode.read_order(raw, self._options.amounts)
        bind_contextvars(**{_UID: order.request_uid})
        organization = self._gate.organization(hub, order.organization_id)
        self._gate.signed(order, raw, request.headers.getlist(auth.DIGEST_HEADER))
        rules.check_order(order)
        if order.request_type is not wanted:
            text = f"is {order.request_type.value!r}, this path takes {wanted.value!r}"
            raise Refused(
                Code.INVALID_BODY, f"$.request_type: {text}", FieldError("$.request_type", "other_path", text)
            )
        own = await self._gate.location(organization, order.location_id)
        return self.desk.ask(order, echo_of(sent), raw, own, organization)

    async def _cancel(self, request: Request) -> Response:
        hub = self._gate.hub(request.headers.getlist("authorization"))
        raw = await read_json_body(request, limits.BODY_BYTES_MAX)
        cancel, sent = decode.decode_cancel(raw)
        bind_contextvars(**{_UID: cancel.request_uid})
        organization = self._gate.organization(hub, cancel.organization_id)
        self._gate.signed(cancel, raw, request.headers.getlist(auth.DIGEST_HEADER))
        if not self._adapter.offers("cancel"):
            raise Refused(Code.NOT_FOUND, "This POS takes no order back by itself.")
        own = await self._gate.location(organization, cancel.location_id)
        submit = await self.desk.find_submit(organization, cancel.request_uid)
        named = request.path_params["order_id"] in (submit.key.request_uid, submit.pos_order_id)
        if not named or submit.location != own:
            raise Refused(Code.UNKNOWN_ORDER, f"request_uid {cancel.request_uid!r} is not the order of this path.")
        asked = self.desk.ask(cancel, echo_of(sent), raw, own, submit.key.organization_id)
        return self._reply(hub, await self.desk.answer(asked))

    async def _status(self, request: Request) -> Response:
        hub = self._gate.hub(request.headers.getlist("authorization"))
        try:
            return self._reply(hub, await self.desk.status(hub.organization_id, request.path_params["order_id"]))
        except Refused as refused:
            if refused.code is Code.UNKNOWN_ORDER:
                raise
            # The caller sent nothing that could be wrong: what we keep cannot be read, as after `amounts` was changed.
            log.exception("what was written down cannot be read", order_id=request.path_params["order_id"])
            raise Refused(Code.INTERNAL, FAILED) from None

    async def _menu(self, request: Request) -> Response:
        hub = self._gate.hub(request.headers.getlist("authorization"))
        raw = await read_json_body(request, limits.BODY_BYTES_MAX)
        named, location_id = decode.decode_menu_request(raw)
        own = await self._gate.location(self._gate.organization(hub, named), location_id)
        document = await self._menus.of(own, location_id)
        headers = {"etag": document.etag, "vary": "accept-encoding"}
        if document.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        digest = auth.sign_body(document.raw, self._options.connection(hub.shared_id))
        if digest is not None:
            headers[auth.DIGEST_HEADER] = digest
        body = document.raw
        if len(body) >= limits.MENU_GZIP_BYTES_MIN and "gzip" in request.headers.get("accept-encoding", ""):
            body = await asyncio.to_thread(zipped, body)
            headers["content-encoding"] = "gzip"
        return Response(body, 200, headers, "application/json")

    def _reply(self, hub: Hub, reply: Reply) -> Response:
        """Signed under the SharedId that the caller used: while one rotates, each side reads what it can."""
        digest = auth.sign_answer(reply.answer, reply.raw, self._options.connection(hub.shared_id))
        headers = {auth.DIGEST_HEADER: digest}
        if reply.status == 202:
            headers["location"] = STATUS.path.format(order_id=quote(reply.answer.request_uid, safe=""))
            headers["retry-after"] = "1"
        return Response(reply.raw, reply.status, headers, "application/json")


@cache
def _openapi() -> bytes:
    return msgspec.json.encode(posnext_document())


# What anybody may read: it says nothing of anybody.
_OPEN: dict[str, Callable[[], bytes]] = {"/openapi.json": _openapi, "/healthz": lambda: b'{"status":"ok"}'}


async def _every(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    """Until cancelled. Nothing ends it: what it does is all that brings abandoned requests to their end."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("a fault of ours", work=getattr(work, "__name__", "?"))
        await asyncio.sleep(seconds)
