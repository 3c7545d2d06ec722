"""How the stand-ins are served: uvicorn, with the socket within an answer's reach so that a fault can break it."""

import asyncio
import socket
import struct
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: As long as the real services keep an idle connection: one closed under a caller's hands looks like a fault.
KEEP_ALIVE_SECONDS = 75
_TRANSPORT = "sandbox.transport"


class Protocol(HttpToolsProtocol):
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {_TRANSPORT: {"transport": self.transport}}


def config(app: Starlette, port: int, graceful_seconds: int = 2) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        http=Protocol,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=graceful_seconds,
    )


def reset(scope: Scope) -> None:
    """Ends the connection with a TCP reset: what was not read is lost, and reading fails."""
    transport: Any = scope.get("extensions", {}).get(_TRANSPORT, {}).get("transport")
    if transport is None:
        raise RuntimeError("This server cannot break a connection: serve with connectors.sandbox.serving.config.")
    # uvloop hands out no real socket: the option is set through a second handle on the same one.
    handle = socket.socket(fileno=socket.dup(transport.get_extra_info("socket").fileno()))
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handle.close()
    transport.abort()


async def until_gone(receive: Receive) -> None:
    """Returns when the caller has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def cut_short(body: bytes, content_type: str, scope: Scope, receive: Receive, send: Send) -> None:
    """The head and half of the body, then a reset."""
    headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    reset(scope)
    await until_gone(receive)


async def without_end(part: bytes, pause: float, receive: Receive, send: Send) -> None:
    """The head, then this part again and again until the caller has hung up."""
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    gone = asyncio.create_task(until_gone(receive))
    while not gone.done():
        await send({"type": "http.response.body", "body": part, "more_body": True})
        await asyncio.wait({gone}, timeout=pause)
