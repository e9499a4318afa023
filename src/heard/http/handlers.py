"""The hub's handlers: a database out of reach is 503, whatever was being done."""

from functools import partial

from heard.net import answering
from heard.storage.faults import UNREACHABLE

answered = partial(answering.answered, unreachable=UNREACHABLE)
