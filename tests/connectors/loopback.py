"""A server on loopback that says byte for byte what a test wants, to meet a client that speaks real HTTP."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

type Talk = Callable[[socket.socket], None]


@dataclass
class Loopback:
    """`requests` are what came in, whole. `talk` gets the connection once a request was read."""

    url: str
    talk: Talk
    requests: list[bytes] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)


def answer(status: str = "200 OK", body: bytes = b"{}", *headers: str, keep: bool = False) -> Talk:
    """A whole, well-formed answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, *([] if keep else ["Connection: close"])]
    whole = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
    return lambda connection: connection.sendall(whole)


def reset(connection: socket.socket) -> None:
    """RST instead of an answer."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@contextmanager
def serving(talk: Talk) -> Iterator[Loopback]:
    listener = socket.create_server(("127.0.0.1", 0))
    found = Loopback(f"http://127.0.0.1:{listener.getsockname()[1]}/there", talk)
    threading.Thread(target=_accept, args=(listener, found), daemon=True).start()
    try:
        yield found
    finally:
        found.stopped.set()
        listener.close()


def closed_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _accept(listener: socket.socket, found: Loopback) -> None:
    while not found.stopped.is_set():
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(connection, found), daemon=True).start()


def _serve(connection: socket.socket, found: Loopback) -> None:
    with connection:
        while request := _read(connection):
            found.requests.append(request)
            try:
                found.talk(connection)
            except OSError:
                return
            if connection.fileno() < 0:
                return


def _read(connection: socket.socket) -> bytes:
    """One request with its body; b'' when the other side has gone."""
    whole = b""
    while b"\r\n\r\n" not in whole:
        part = _receive(connection)
        if not part:
            return b""
        whole += part
    head, _, body = whole.partition(b"\r\n\r\n")
    lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
    while len(body) < int(lengths[0] if lengths else 0):
        part = _receive(connection)
        body += part
        whole += part
    return whole


def _receive(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except OSError:
        return b""
