"""Long menus are judged in a process of their own: no order waits for the interpreter or its collector of garbage.

The process is started by the first long menu, remembers the last few, and ends by itself when it has had nothing to
do for a while or when the hub is gone.
"""

import gc
import pickle
import select
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import IO

from heard import limits
from heard.domain.ids import LocationId, ProductId
from heard.domain.menu.index import MenuIndex
from heard.domain.menu.model import Menu, ProductType
from heard.domain.menu.offer import Offer
from heard.domain.menu.price_book import Entry, PriceBook
from heard.engine.judge_menu import MenuJudge, Verdict, index_document, price_document, read_document
from heard.engine.menu_looks import Look
from heard.engine.written_menu import Facts, WrittenMenu, write_menu
from heard.storage.menus import Document

_PORTION = 250  # entries of an index sent at a time: taking in one of them holds nothing up
_HEAD = 8
_NOTHING = Document("", b"")  # where the menus stand in the body


class JudgeLost(Exception):
    """The process ended in the middle of its work."""


@dataclass(frozen=True, slots=True)
class _Question:
    """`has`: the version whose index the asker has, so that only what differs is told. No location: only an index, or
    with `facts` what channels get, or the price `book`, or what is seen in a `look` (it stands in the body).
    """

    key: str
    version: str | None
    location_id: LocationId | None
    has: str | None
    facts: Facts | None = None
    book: bool = False
    look: bool = False


@dataclass(frozen=True, slots=True)
class _Reply:
    """What comes before the index. `onto`: the index is told as what differs from the asker's. Or a price book, whose
    entries come after it.
    """

    verdict: Verdict
    sold_out: frozenset[str] | None
    onto: bool
    remembered: dict[str, str]
    book: PriceBook | None = None


@dataclass(slots=True)
class _Entries:
    """A part of an index: what is there, what is no more. Or a part of a price book."""

    types: dict[ProductId, ProductType] = field(default_factory=dict)
    offers: dict[ProductId, Offer] = field(default_factory=dict)
    gone: list[ProductId] = field(default_factory=list)
    priced: dict[ProductId, Entry] = field(default_factory=dict)


class JudgeApart:
    """The hub's side. Its methods block: call them in a thread. One question at a time."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._asking = threading.Lock()
        self._remembered: dict[str, str] = {}
        self._closings = 0

    def remembers(self, key: str, version: str) -> bool:
        """Whether that version's document need not be given."""
        alive = self._child is not None and self._child.poll() is None
        return alive and self._remembered.get(key) == version

    def judge(
        self,
        key: str,
        body: bytes,
        location_id: LocationId,
        version: str | None,
        document: Document | None,
        has: MenuIndex | None,
    ) -> Verdict:
        """As MenuJudge.judge, with the index made from the one that the asker has, if any.

        `document` may be left out when that version is remembered.
        """
        question = _Question(key, version, location_id, has.version if has else None)
        return self._ask(question, body, document, has)

    def index(self, key: str, version: str, document: Document) -> MenuIndex:
        """The index of a version that was kept."""
        verdict = self._ask(_Question(key, version, None, None), b"", document, None)
        assert verdict.index is not None  # what was kept can be read
        return verdict.index

    def write_menu(self, document: Document, facts: Facts) -> WrittenMenu:
        """As the function of that name."""
        verdict = self._ask(_Question("", facts.version, None, None, facts), b"", document, None)
        assert verdict.document is not None  # what was kept can be written
        return WrittenMenu(verdict.document.packed)

    def price_book(self, document: Document, version: str) -> PriceBook:
        """As price_document."""
        verdict = self._ask(_Question("", version, None, None, book=True), b"", document, None)
        assert verdict.book is not None  # what was kept can be read
        return verdict.book

    def look(self, look: Look, named: Sequence[tuple[str, Document]]) -> object:
        """What a look at some menus shows; each comes under a name that no other menu has."""
        asked = pickle.dumps((look, list(named)))
        verdict = self._ask(_Question("", named[0][0], None, None, look=True), asked, _NOTHING, None)
        assert verdict.document is not None  # what was kept can be looked at
        return pickle.loads(verdict.document.packed)  # noqa: S301 - our own process, through our own pipe

    def close(self) -> None:
        """End the process; what is asked of it now is not asked again."""
        self._closings += 1
        self._end()

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            _done_with(child)

    def _ask(self, question: _Question, body: bytes, document: Document | None, has: MenuIndex | None) -> Verdict:
        with self._asking:
            closings = self._closings
            for fresh in (False, True):
                child = self._started(fresh=fresh)
                try:
                    reply, verdict = _exchange(child, question, body, document, has)
                except (OSError, EOFError):  # it has just ended by itself, or somebody ended it
                    self._remembered = {}
                    if closings != self._closings or (question.version is not None and document is None):
                        break
                    continue
                self._remembered = reply.remembered
                return verdict
        raise JudgeLost("the process that judges menus ended in the middle of its work")

    def _started(self, *, fresh: bool) -> "subprocess.Popen[bytes]":
        if self._child is not None and (fresh or self._child.poll() is not None):
            self._end()
        if self._child is None:
            # In a session of its own: Ctrl-C is for the hub, which ends it.
            self._child = subprocess.Popen(  # noqa: S603 - our own interpreter and our own words
                [sys.executable, "-c", f"from {__name__} import main; main()"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
                pipesize=limits.MENU_PIPE_BYTES,
            )
        return self._child


def _exchange(
    child: "subprocess.Popen[bytes]", question: _Question, body: bytes, document: Document | None, has: MenuIndex | None
) -> tuple[_Reply, Verdict]:
    assert child.stdin is not None
    assert child.stdout is not None
    _send(child.stdin, pickle.dumps(question))
    _send(child.stdin, body)
    _send(child.stdin, document.packed if document else b"")
    _send(child.stdin, document.packing.encode() if document else b"")
    reply: _Reply = pickle.loads(_receive(child.stdout))  # noqa: S301 - our own process, through our own pipe
    packed = _receive(child.stdout)
    verdict = replace(reply.verdict, document=Document("zlib", packed)) if packed else reply.verdict
    base = has if reply.onto else None
    types = dict(base.product_types) if base else {}
    offers = dict(base.offers) if base else {}
    priced: dict[ProductId, Entry] = {}
    while portion := _receive(child.stdout):
        entries: _Entries = pickle.loads(portion)  # noqa: S301
        priced.update(entries.priced)
        types.update(entries.types)
        offers.update(entries.offers)
        for product_id in entries.gone:
            del types[product_id], offers[product_id]
    if reply.book is not None:
        return reply, replace(verdict, book=replace(reply.book, entries=priced))
    if reply.sold_out is None or verdict.version is None:
        return reply, verdict
    return reply, replace(verdict, index=MenuIndex(verdict.version, types, reply.sold_out, offers))


def _send(pipe: IO[bytes], message: bytes) -> None:
    pipe.write(len(message).to_bytes(_HEAD, "big"))
    pipe.write(message)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> bytes:
    """Raises EOFError when the other side is gone."""
    head = pipe.read(_HEAD)
    size = int.from_bytes(head, "big")
    message = pipe.read(size) if len(head) == _HEAD else b""
    if len(head) < _HEAD or len(message) < size:
        raise EOFError
    return message


def _done_with(child: "subprocess.Popen[bytes]") -> None:
    child.wait()
    for pipe in (child.stdin, child.stdout):
        with suppress(OSError):
            if pipe is not None:
                pipe.close()


# --- the process itself -------------------------------------------------------------------------------------------


def main() -> None:
    """Answer questions from stdin until it ends or nothing comes for a while."""
    gc.disable()  # next to nothing here is cyclic, and looking through a menu for it takes longer than reading it
    judge, indexes = MenuJudge(limits.MENU_PRODUCTS_REMEMBERED_MAX), dict[str, MenuIndex]()
    seen = _Seen()
    asked, answers = sys.stdin.buffer, sys.stdout.buffer
    while select.select([asked], [], [], limits.MENU_JUDGE_IDLE_S)[0]:
        try:
            question: _Question = pickle.loads(_receive(asked))  # noqa: S301 - from the hub, through its own pipe
            body, packed, packing = (_receive(asked) for _ in range(3))
        except EOFError:
            return
        if question.look:
            look, named = pickle.loads(body)  # noqa: S301 - from the hub, through its own pipe
            shown = pickle.dumps(look.at([seen.menu(*one) for one in named]))
            verdict = Verdict(question.version, 0, (), 0, {}, Document("pickle", shown), None)
        else:
            verdict = _answer(judge, question, body, Document(packing.decode(), packed))
        _tell(answers, verdict, indexes.get(question.key), question.has, judge.remembered)
        if verdict.index is not None:
            indexes[question.key] = verdict.index
        indexes = {key: index for key, index in indexes.items() if key in judge.remembered}


class _Seen:
    """The menus that were looked at last: who turns a page looks at the same one again."""

    def __init__(self) -> None:
        self._menus: OrderedDict[str, Menu] = OrderedDict()

    def menu(self, name: str, document: Document) -> Menu:
        known = self._menus.pop(name, None)
        self._menus[name] = known or read_document(document)
        while len(self._menus) > 2:  # as many as are compared
            self._menus.popitem(last=False)
        return self._menus[name]


def _answer(judge: MenuJudge, question: _Question, body: bytes, document: Document) -> Verdict:
    if question.facts is not None:
        written = Document("gzip", write_menu(document, question.facts).packed)
        return Verdict(question.version, 0, (), 0, {}, written, None)
    if question.book:
        assert question.version is not None  # a price book is always of a version
        return Verdict(question.version, 0, (), 0, {}, None, None, book=price_document(document, question.version))
    if question.location_id is None:
        assert question.version is not None  # an index is always of a version
        index = index_document(document, question.version)
        return Verdict(question.version, len(index.product_types), (), 0, {}, None, index)
    before = (question.version, document) if question.version is not None else None  # empty if it is remembered
    return judge.judge(question.key, body, question.location_id, before)


def _tell(
    pipe: IO[bytes], verdict: Verdict, known: MenuIndex | None, has: str | None, remembered: dict[str, str]
) -> None:
    onto = known is not None and known.version == has
    sold_out = verdict.index.sold_out if verdict.index else None
    book = replace(verdict.book, entries={}) if verdict.book else None
    bare = replace(verdict, index=None, document=None, book=None)
    _send(pipe, pickle.dumps(_Reply(bare, sold_out, onto, remembered, book)))
    _send(pipe, verdict.document.packed if verdict.document else b"")
    if verdict.index is not None:
        for entries in _differing(known if onto else None, verdict.index):
            _send(pipe, pickle.dumps(entries))
    if verdict.book is not None:
        waiting = iter(verdict.book.entries.items())
        while priced := dict(islice(waiting, _PORTION)):
            _send(pipe, pickle.dumps(_Entries(priced=priced)))
    _send(pipe, b"")


def _differing(known: MenuIndex | None, index: MenuIndex) -> Iterator[_Entries]:
    """What the asker's index lacks, a portion at a time."""
    types = known.product_types if known else {}
    offers = known.offers if known else {}
    new = iter(
        [
            name
            for name, kind in index.product_types.items()
            if types.get(name) is not kind or offers.get(name) != index.offers[name]
        ]
    )
    while portion := list(islice(new, _PORTION)):
        yield _Entries(
            {name: index.product_types[name] for name in portion}, {name: index.offers[name] for name in portion}
        )
    gone = [name for name in types if name not in index.product_types]
    if gone:
        yield _Entries(gone=gone)
