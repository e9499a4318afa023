"""Which operation a request means, from the written table. The host may have mounted the kit under a prefix."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from heard.domain.refusals import Code, Refused
from heard.protocols.posnext.operations import Operation

H = TypeVar("H")


@dataclass(frozen=True, slots=True)
class Route(Generic[H]):
    method: str
    pattern: re.Pattern[str]
    handler: H

    @property
    def names(self) -> tuple[str, ...]:
        """What its path names."""
        return tuple(self.pattern.groupindex)


class Routes(Generic[H]):
    """Looks up handlers by operation; one without a handler is not served."""

    def __init__(self, operations: tuple[Operation, ...], handlers: Mapping[str, H]) -> None:
        self._routes = [
            Route(operation.method, _pattern(path), handlers[operation.name])
            for operation in operations
            if operation.name in handlers
            for path in (operation.path, *operation.aliases)
        ]
        self._plain = {(route.method, route.pattern.pattern): route for route in self._routes if not route.names}

    def find(self, method: str, path: str) -> tuple[Route[H], dict[str, str]]:
        """The route and what its path names. Raises Refused(not_found | method_not_allowed)."""
        plain = self._plain.get((method, path))
        if plain is not None:
            return plain, {}
        matches = [(route, match) for route in self._routes if (match := route.pattern.fullmatch(path))]
        for route, match in matches:
            if route.method == method:
                return route, match.groupdict()
        if matches:
            raise Refused(Code.METHOD_NOT_ALLOWED, f"{method} is not served at {path}.")
        raise Refused(Code.NOT_FOUND, f"Nothing is served at {path}.")

    def methods_at(self, path: str) -> list[str]:
        """Every method served at a path."""
        return sorted({route.method for route in self._routes if route.pattern.fullmatch(path)})


def path_of(scope: Mapping[str, Any]) -> str:
    """The path below the prefix that the kit is mounted under."""
    path, prefix = str(scope["path"]), str(scope.get("root_path", "")).rstrip("/")
    return path.removeprefix(prefix) if prefix and path.startswith(prefix + "/") else path


def _pattern(path: str) -> re.Pattern[str]:
    """An id in a path is whatever stands there: request_uids may hold a slash."""
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>.+)", path))
