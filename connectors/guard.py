"""Calls to addresses that people have entered: only to the open internet, never to what is near this machine.

An address is checked when it is entered, and again at every call: the name is resolved once, every address it has is
judged, and the connection goes to one of those, so that a name which answers differently the next moment gains nothing.
"""

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any
from urllib.parse import urlsplit

import httpcore

from connectors.deadline import Backend
from connectors.errors import RejectedError, TransientError

#: Where https is served; other ports belong to other things.
PORTS = frozenset({443, 4443, 8443, 9443, 10443})
MOST = 2000
#: Addresses of one name that are tried.
TRIED = 3
#: IPv6 addresses that stand for an IPv4 address in their last 32 bits.
_EMBEDDING = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"), IPv6Network("::/96"))


class Forbidden(RejectedError):
    """The address is not one that may be called. The text says why, in words for who entered it."""


def check(url: str, *, anywhere: bool = False) -> None:
    """Forbidden, unless the address may be called as far as can be told from its text. `anywhere`: also this machine,
    and without TLS."""
    if len(url) > MOST or not url.isprintable() or not url.isascii() or " " in url or "\\" in url:
        raise Forbidden("Write the address in plain letters, without spaces.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Forbidden("This is no address of the web.") from None
    if parts.scheme not in ({"https", "http"} if anywhere else {"https"}):
        raise Forbidden("The address must begin with https://.")
    if not parts.hostname:
        raise Forbidden("This is no address of the web.")
    if parts.username or parts.password or "@" in parts.netloc:
        raise Forbidden("An address with a name or a password in it is not called.")
    if anywhere:
        return
    if port not in {None, *PORTS}:
        raise Forbidden(f"Port {port} is not called. Use 443 or 8443.")
    if "." not in parts.hostname and ":" not in parts.hostname:
        raise Forbidden("Write the whole name of the server, such as hooks.example.com.")
    _judge_literal(parts.hostname)


def _judge_literal(host: str) -> None:
    try:
        address = ip_address(host)
    except ValueError:
        return
    if not is_public(str(address)):
        raise Forbidden("The address leads into a private network.")


def is_public(text: str) -> bool:
    """Whether this address belongs to the open internet, whatever it is wrapped in."""
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is None and any(address in network for network in _EMBEDDING):
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def resolve(host: str, port: int, *, anywhere: bool = False) -> list[str]:
    """Its addresses, every one of which may be called. Forbidden, or TransientError where the name leads nowhere."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise TransientError("The name of the server is not known.") from None
    addresses = list(dict.fromkeys(str(row[4][0]) for row in found))
    if not anywhere and not all(is_public(address) for address in addresses):
        raise Forbidden("The address leads into a private network.")
    return addresses


class Guarded(Backend):
    """Connects to what `resolve` allows, and to nothing else."""

    def __init__(self, *, anywhere: bool) -> None:
        super().__init__()
        self._anywhere = anywhere

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:  # fmt: skip
        failed: httpcore.ConnectError | None = None
        for address in resolve(host, port, anywhere=self._anywhere)[:TRIED]:
            try:
                return super().connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:
                failed = error
        raise failed or httpcore.ConnectError("No address.")

    def connect_unix_socket(self, *_: Any, **__: Any) -> httpcore.NetworkStream:
        raise Forbidden("The address leads to this machine.")
