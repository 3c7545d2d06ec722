"""A plain asyncio HTTP client with next to no work per request, so that what is measured is the other side."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """Kept connections to one server, as many as are needed at once."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._idle: list[_Line] = []
        self.calls = 0

    async def post(self, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        return await self._ask("POST", path, body, headers)

    async def get(self, path: str, headers: dict[str, str]) -> Answer:
        return await self._ask("GET", path, b"", headers)

    async def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
        )
        self.calls += 1
        line = await self._line()
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await line.ask(head.encode() + body)
        self._idle.append(line)
        return answer

    async def _line(self) -> "_Line":
        while self._idle:
            line = self._idle.pop()
            if not line.gone:
                return line
        _, line = await asyncio.get_running_loop().create_connection(_Line, self._host, self._port)
        return line

    def close(self) -> None:
        for line in self._idle:
            line.close()
        self._idle.clear()


class _Line(asyncio.Protocol):
    """One connection: one request at a time."""

    def __init__(self) -> None:
        self.gone = False
        self._held = b""
        self._answer: asyncio.Future[Answer] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, request: bytes) -> "asyncio.Future[Answer]":
        self._answer, self._held = asyncio.get_running_loop().create_future(), b""
        self._transport.write(request)
        return self._answer

    def data_received(self, data: bytes) -> None:
        self._held += data
        head, found, body = self._held.partition(b"\r\n\r\n")
        if found and len(body) >= _length(head) and self._answer and not self._answer.done():
            self._answer.set_result(Answer(int(head[9:12]), body))

    def connection_lost(self, error: Exception | None) -> None:
        self.gone = True
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionResetError("The server hung up."))

    def close(self) -> None:
        self._transport.close()


def _length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    return int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
