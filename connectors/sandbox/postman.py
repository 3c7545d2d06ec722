"""POSTs to the portal with little work per request: plain HTTP/1.1, connections kept."""

import asyncio
import ssl
from urllib.parse import urlsplit

type Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Postman:
    def __init__(self) -> None:
        self._idle: dict[str, list[Line]] = {}

    async def post(self, url: str, body: bytes, headers: dict[str, str], timeout: float) -> int:
        """The answer's status; 0 for none within `timeout` seconds."""
        try:
            async with asyncio.timeout(timeout):
                return await self._exchange(url, body, headers)
        except (OSError, TimeoutError, ValueError, IndexError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return 0

    def close(self) -> None:
        for lines in self._idle.values():
            for _, writer in lines:
                writer.close()
        self._idle.clear()

    async def _exchange(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        fixed = {"Host": parts.netloc, "Content-Type": "application/json", "Content-Length": str(len(body))}
        lines = "".join(f"{k}: {v}\r\n" for k, v in (fixed | headers).items())
        request = f"POST {parts.path or '/'} HTTP/1.1\r\n{lines}\r\n".encode() + body
        kept = self._idle.setdefault(origin, [])
        while kept:
            line = kept.pop()
            if not line[0].at_eof() and not line[1].is_closing():
                return await self._through(line, request, kept)
            line[1].close()
        return await self._through(await _opened(origin), request, kept)

    async def _through(self, line: Line, request: bytes, kept: list[Line]) -> int:
        reader, writer = line
        keep = False
        try:
            writer.write(request)
            await writer.drain()
            status, length, keep = _head((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
            await reader.readexactly(length)
        except BaseException:
            keep = False
            raise
        finally:
            if keep:
                kept.append(line)
            else:
                writer.close()
        return status


async def _opened(origin: str) -> Line:
    parts = urlsplit(origin)
    secure = ssl.create_default_context() if parts.scheme == "https" else None
    return await asyncio.open_connection(parts.hostname, parts.port or (443 if secure else 80), ssl=secure)


def _head(head: str) -> tuple[int, int, bool]:
    """(status, body length, whether the connection may be kept)."""
    first, *rest = head.split("\r\n")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in rest if line)}
    length = headers.get("content-length")
    keep = length is not None and headers.get("connection", "").lower() != "close"
    return int(first.split()[1]), int(length or 0), keep
