"""From a method and a path to the name of an operation, made of the names themselves."""

import re
from collections.abc import Iterable
from functools import lru_cache


def _pattern(operation: str) -> re.Pattern[str]:
    """'POST invoice/{id}/finalize' is met at /invoices/in_1/finalize, 'GET customers' at /customers."""
    path = re.sub(r"^([a-z_]+)/\{id\}", r"\1s/{id}", operation.partition(" ")[2])
    return re.compile("/" + path.replace("{id}", "([^/]+)") + "/?")


class Routes:
    def __init__(self, operations: Iterable[str]) -> None:
        self._patterns: dict[str, list[tuple[re.Pattern[str], str]]] = {}
        for operation in sorted(operations, key=lambda o: o.count("{id}")):
            self._patterns.setdefault(operation.partition(" ")[0], []).append((_pattern(operation), operation))
        self.find = lru_cache(maxsize=4096)(self._find)

    def _find(self, method: str, path: str) -> tuple[str, str]:
        """('POST customer/{id}', 'cus_1'); ('', '') for what the stand-in does not know."""
        for pattern, operation in self._patterns.get(method, ()):
            found = pattern.fullmatch(path)
            if found:
                return operation, "/".join(found.groups())
        return "", ""
