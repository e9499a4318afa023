"""The calls a hub makes to a posnext POS. What the answers mean stands in answers.py."""

from dataclasses import replace

from heard import limits
from heard.connectors.contract import Computed, MenuUnavailable, Occasion, Read
from heard.connectors.posnext.answers import fault, probe_fault, problem_text, read_answer, read_computed
from heard.domain.ids import OrderId, RequestUid, submit_uid, validate_uid
from heard.domain.menu.index import MenuIndex
from heard.domain.order.commands import Command
from heard.domain.order.content import OrderContent
from heard.domain.order.model import Order
from heard.domain.order.plan import Task
from heard.domain.order.to_pos import pos_order
from heard.domain.pos import PosCancel, RequestType
from heard.domain.stores import SignatureScheme, Store
from heard.net.call import Answer, Call, NoAnswer
from heard.protocols.posnext import auth, encode
from heard.protocols.posnext.operations import CANCEL

_VALIDATING = frozenset({Task.VALIDATE, Task.READ_VALIDATION})
_WRITING = {Task.VALIDATE: "/posnext/order/validate", Task.SUBMIT: "/posnext/order/submit"}


class PosnextConnector:
    """The posnext dialect of a POS. Stateless."""

    def order_call(
        self, task: Task, order: Order, content: OrderContent, menu: MenuIndex, store: Store, occasion: Occasion
    ) -> Call:
        """POST for VALIDATE, SUBMIT and WITHDRAW, GET by request_uid for the reading tasks."""
        uid = _uid(task, order)
        if task is Task.WITHDRAW:
            return _cancel_call(order, store, occasion)
        if task not in _WRITING:
            path = f"/posnext/orders/{uid}"
            return _call(f"pos {task}", "GET", store, path, occasion, None, limits.POS_CALL_TIMEOUT_S)
        validating = task in _VALIDATING
        asked_at = order.validate_at if validating else order.submit_at
        assert asked_at is not None  # the step before wrote it down
        request = pos_order(
            order,
            content,
            menu,
            request_type=RequestType.VALIDATE if validating else RequestType.PLACE,
            request_uid=uid,
            request_datetime=asked_at,
            location_id=store.location_id,
            callback_url=None if validating else occasion.callback_url,
        )
        body = encode.encode_order(request, store.line.amounts)
        left_s = (order.accept_by - occasion.now).total_seconds()
        timeout_s = max(1.0, min(limits.POS_CALL_TIMEOUT_S, left_s))
        digest = auth.sign_order(request, body, store.line)
        more = {"x-pch-digest": digest}
        return _call(f"pos {task}", "POST", store, _WRITING[task], occasion, body, timeout_s, more)

    def read_order(self, task: Task, order: Order, store: Store, answer: Answer | NoAnswer) -> Read:
        return read_answer(task, order, store, _uid(task, order), answer)

    def writes(self, method: str, path: str) -> Task | None:
        if method != "POST":
            return None
        written = next((task for task, ends in _WRITING.items() if path.endswith(ends)), None)
        return written or (Task.WITHDRAW if path.endswith("/cancel") else None)

    def read_computed(self, task: Task, order: Order, store: Store, answer: Answer | NoAnswer) -> Computed:
        return read_computed(order, store, _uid(task, order), answer)

    def fault(self, command: Command, answer: Answer | NoAnswer) -> str | None:
        return fault(command, answer)

    def probe_call(self, store: Store, order_id: OrderId | None, occasion: Occasion) -> Call:
        path = f"/posnext/orders/{_probe_uid(order_id)}"
        return _call("pos probe", "GET", store, path, occasion, None, limits.POS_CALL_TIMEOUT_S)

    def read_probe(self, store: Store, order_id: OrderId | None, answer: Answer | NoAnswer) -> str | None:
        return probe_fault(store, _probe_uid(order_id), answer)

    def menu_call(self, store: Store, occasion: Occasion, etag: str | None) -> Call:
        body = encode.encode_menu_request(store.organization_id, store.location_id)
        conditional = {"if-none-match": etag} if etag else {}
        path, within_s = "/posnext/menus", limits.MENU_CALL_TIMEOUT_S
        call = _call("pos menu", "POST", store, path, occasion, body, within_s, conditional)
        return replace(call, answer_bytes_max=limits.MENU_BYTES_MAX)

    def menu_body(self, store: Store, answer: Answer | NoAnswer) -> bytes | None:
        if isinstance(answer, NoAnswer):
            raise MenuUnavailable(f"no menu from the POS: {answer.reason}")
        if answer.status == 304:
            return None
        if answer.status != 200:
            raise MenuUnavailable(f"no menu from the POS: it answered {answer.status}{problem_text(answer)}")
        if store.line.signature is SignatureScheme.BODY:
            try:
                auth.verify_body(answer.body, answer.headers.get("x-pch-digest"), [store.line.shared_id])
            except auth.DigestRefused as refused:
                raise MenuUnavailable(f"the POS's menu is not signed as agreed: {refused.rule}") from None
        return answer.body


def _uid(task: Task, order: Order) -> RequestUid:
    return validate_uid(order.order_id) if task in _VALIDATING else submit_uid(order.order_id)


def _probe_uid(order_id: OrderId | None) -> RequestUid:
    """An order that the POS may know, or one that it cannot know: a 404 is a sign of life too."""
    return submit_uid(order_id or OrderId("ord_probe"))


def _cancel_call(order: Order, store: Store, occasion: Occasion) -> Call:
    assert order.cancel_at is not None  # written down when the ticket was to be taken back
    uid = submit_uid(order.order_id)
    cancel = PosCancel(
        uid, order.cancel_at, order.organization_id, store.location_id, order.order_id, order.reason_code
    )
    body = encode.encode_cancel(cancel)
    path = CANCEL.path.format(order_id=uid)
    digest = auth.sign_cancel(cancel, body, store.line)
    more = {"x-pch-digest": digest}
    return _call("pos cancel", "POST", store, path, occasion, body, limits.POS_CALL_TIMEOUT_S, more)


def _call(
    name: str,
    method: str,
    store: Store,
    path: str,
    occasion: Occasion,
    body: bytes | None,
    timeout_s: float,
    more: dict[str, str] | None = None,
) -> Call:
    token = auth.make_token(store.line.shared_id, store.organization_id, occasion.now, occasion.call_id)
    headers = {"authorization": f"Bearer {token}", "accept": "application/json", **(more or {})}
    if body is not None:
        headers["content-type"] = "application/json"
    url = store.line.url.rstrip("/") + path
    return Call(method, url, headers, body, timeout_s, limits.POS_ANSWER_BYTES_MAX, name=name)
