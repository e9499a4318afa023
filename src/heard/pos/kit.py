"""The kit as an ASGI app: posnext's calls on one side, a vendor's adapter on the other.

It starts with its first request, since a mounted app is told nothing of its host's start, and ends with `close`.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

import structlog
from starlette.requests import Request
from starlette.responses import Response

from heard import limits
from heard.domain.pos import RequestType
from heard.domain.refusals import Code, FieldError, Refused
from heard.net.answering import FAILED, answered, problem_response, request_id_of
from heard.net.bodies import read_json_body
from heard.net.guard import AddressGuard
from heard.net.outbound import Outbound
from heard.pos.adapter import Lives, Location, Standing, check_adapter
from heard.pos.callbacks import call_back
from heard.pos.calling import Caller
from heard.pos.desk import Desk, Reply
from heard.pos.gate import Caller as Hub
from heard.pos.gate import Gate
from heard.pos.menus import Menus, zipped
from heard.pos.options import Options
from heard.pos.routing import Routes, path_of
from heard.pos.store import Store, open_store
from heard.protocols.posnext import auth, decode
from heard.protocols.posnext.operations import CANCEL, MENUS, OPERATIONS, STATUS, SUBMIT, VALIDATE

log = structlog.get_logger()

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

    async def start(self) -> None:
        """Open the store and go on with what an earlier process left behind. Harmless when it runs already.

        Raises StoreError, and whatever an adapter's `started` does; a later start tries again.
        """
        async with self._starting:
            if self._running is None:
                store = await open_store(self.options.store)
                self._running = await _Running.start(self._adapter, self.options, store, self._clock)
                if isinstance(self._adapter, Lives):
                    try:
                        await self._adapter.started(self)
                    except BaseException:
                        running, self._running = self._running, None
                        await running.close()
                        raise

    async def close(self) -> None:
        """Let requests under way end, within bounds; what does not end is taken up at the next start."""
        async with self._starting:
            running, self._running = self._running, None
        if running is not None:
            if isinstance(self._adapter, Lives):
                try:
                    await self._adapter.stopped()
                except Exception:
                    log.exception("the adapter raised", method="stopped")
            await running.close()

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
        if self._running is None:  # `started` may report already
            await self.start()
        assert self._running is not None  # it has just been started
        return await self._running.desk.report(location, standing)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._answer(Request(scope, receive), send)
        else:
            await send({"type": "websocket.close", "code": 1000})

    async def _answer(self, request: Request, send: Send) -> None:
        try:
            await self.start()
        except Exception:
            log.exception("the kit cannot start")
            refused = Refused(Code.UNAVAILABLE, "The POS cannot be served now; its log says why.", retry_after_s=5)
            response = problem_response(refused, request_id_of(request))
            await response(request.scope, request.receive, send)
            return
        assert self._running is not None  # it has just been started
        await self._running.answer(request, send)

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
        self._outbound = Outbound(AddressGuard(options.allow))
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

    @classmethod
    async def start(cls, adapter: object, options: Options, store: Store, clock: Callable[[], datetime]) -> "_Running":
        running = cls(adapter, options, store, clock)
        await running._outbound.__aenter__()
        await running.desk.take_over()
        for look, every_s in (
            (running._keep_up, limits.KIT_LOOK_S),
            (running.desk.keep_leases, limits.KIT_LEASE_S / 3),
            (running._forget, 3600.0),
        ):
            running._beside.append(asyncio.create_task(_every(every_s, look)))
        return running

    async def close(self) -> None:
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        await self.desk.finish(limits.SHUTDOWN_S)
        await self._outbound.__aexit__(None, None, None)
        self._adapter.close()
        await self.store.close()

    async def _keep_up(self) -> None:
        await self.desk.take_over()
        await call_back(self.store, self._outbound, self._options, self._clock)

    async def _forget(self) -> None:
        await self.store.forget(limits.REQUESTS_KEPT_S)

    # --- requests -----------------------------------------------------------------------------------------

    async def answer(self, request: Request, send: Send) -> None:
        response = await self._answered(request)
        if response.status_code == 405:
            response.headers["allow"] = ", ".join(self._routes.methods_at(path_of(request.scope)))
        await response(request.scope, request.receive, send)

    async def _handle(self, request: Request) -> Response:
        route, request.scope["path_params"] = self._routes.find(request.method, path_of(request.scope))
        return await route.handler(request)

    async def _order(self, wanted: RequestType, request: Request) -> Response:
        """Validate and submit: the same road, told apart by the path and the request_type, which must agree."""
        hub = self._gate.caller(request.headers.getlist("authorization"))
        raw = await read_json_body(request, limits.BODY_BYTES_MAX)
        order, sent = decode.read_order(raw, self._options.amounts)
        organization = self._gate.organization(hub, order.organization_id)
        self._gate.signed(order, raw, request.headers.getlist(auth.DIGEST_HEADER))
        decode.check_order(order)
        if order.request_type is not wanted:
            text = f"is {order.request_type.value!r}, this path takes {wanted.value!r}"
            raise Refused(
                Code.INVALID_BODY, f"$.request_type: {text}", FieldError("$.request_type", "other_path", text)
            )
        own = await self._gate.location(organization, order.location_id, order.request_uid)
        return self._reply(hub, await self.desk.take(order, sent, raw, own, organization))

    async def _cancel(self, request: Request) -> Response:
        hub = self._gate.caller(request.headers.getlist("authorization"))
        raw = await read_json_body(request, limits.BODY_BYTES_MAX)
        cancel, sent = decode.decode_cancel(raw)
        organization = self._gate.organization(hub, cancel.organization_id)
        self._gate.signed(cancel, raw, request.headers.getlist(auth.DIGEST_HEADER))
        if not self._adapter.offers("cancel"):
            raise Refused(Code.NOT_FOUND, "This POS takes no order back by itself.")
        own = await self._gate.location(organization, cancel.location_id, cancel.request_uid)
        submit = await self.desk.find_submit(organization, request.path_params["order_id"])
        if submit.key.request_uid != cancel.request_uid or submit.location != own:
            raise Refused(Code.UNKNOWN_ORDER, f"request_uid {cancel.request_uid!r} is not the order of this path.")
        return self._reply(hub, await self.desk.take(cancel, sent, raw, own, submit.key.organization_id))

    async def _status(self, request: Request) -> Response:
        hub = self._gate.caller(request.headers.getlist("authorization"))
        try:
            return self._reply(hub, await self.desk.status(hub.organization_id, request.path_params["order_id"]))
        except Refused as refused:
            if refused.code is Code.UNKNOWN_ORDER:
                raise
            # The caller sent nothing that could be wrong: what we keep cannot be read, as after `amounts` was changed.
            log.exception("what was written down cannot be read", order_id=request.path_params["order_id"])
            raise Refused(Code.INTERNAL, FAILED) from None

    async def _menu(self, request: Request) -> Response:
        hub = self._gate.caller(request.headers.getlist("authorization"))
        raw = await read_json_body(request, limits.BODY_BYTES_MAX)
        named, location_id = decode.decode_menu_request(raw)
        own = await self._gate.location(self._gate.organization(hub, named), location_id)
        document = await self._menus.of(own, location_id)
        headers = {"etag": document.etag, "vary": "accept-encoding"}
        if document.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        digest = auth.sign_body(document.raw, self._gate.connection(hub.shared_id))
        if digest is not None:
            headers[auth.DIGEST_HEADER] = digest
        body = document.raw
        if len(body) >= limits.MENU_GZIP_BYTES_MIN and "gzip" in request.headers.get("accept-encoding", ""):
            body = await asyncio.to_thread(zipped, body)
            headers["content-encoding"] = "gzip"
        return Response(body, 200, headers, "application/json")

    def _reply(self, hub: Hub, reply: Reply) -> Response:
        """Signed under the SharedId that the caller used: while one rotates, each side reads what it can."""
        digest = auth.sign_answer(reply.answer, reply.raw, self._gate.connection(hub.shared_id))
        headers = {auth.DIGEST_HEADER: digest}
        if reply.status == 202:
            headers["location"] = STATUS.path.format(order_id=quote(reply.answer.request_uid, safe=""))
            headers["retry-after"] = "1"
        return Response(reply.raw, reply.status, headers, "application/json")


async def _every(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    """Until cancelled. Nothing ends it: what it does is all that brings abandoned requests to their end."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("a fault of ours", work=getattr(work, "__name__", "?"))
        await asyncio.sleep(seconds)
