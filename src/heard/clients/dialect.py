"""What one of a hub's APIs does in its own way: where its calls and its tokens are, and how a call and a no are worded.

The calling itself, and what is safe to try again, is the same for all of them: calling.py.
"""

from typing import Protocol

from heard.clients.errors import HubError
from heard.clients.problems import Problem
from heard.net.call import Answer, Call


class Dialect(Protocol):
    """One API, as one client speaks it. It holds the client's secret, and shows it to nobody."""

    @property
    def base(self) -> str:
        """What every path begins with: `/link/v2`."""

    @property
    def has_client(self) -> bool:
        """Whether there is a client id and a secret to get tokens for."""

    def token_call(self, url: str, request_id: str) -> Call:
        """The call for an access token at the hub's address."""

    def read_token(self, raw: bytes) -> tuple[str, int]:
        """A token and the seconds that it is good for. Raises Refused for what is none."""

    def token_refusal(self, answer: Answer, request_id: str) -> HubError:
        """An answer to the call for a token that is none."""

    def headers(self, token: str | None) -> dict[str, str]:
        """What every call says of who calls."""

    def problem(self, answer: Answer) -> Problem:
        """What an answer that is no good one says."""
