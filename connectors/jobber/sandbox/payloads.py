"""Shapes that many fields share: a mutation's answer, and a connection."""

from collections.abc import Callable, Mapping
from typing import Any

from connectors.jobber.sandbox import listing
from connectors.jobber.sandbox.answers import Asked
from connectors.jobber.sandbox.clients import Wrong

type Work = Callable[[dict[str, Any], Asked], Any]
type Resolve = Callable[[Any, dict[str, Any], Asked], Any]


def payload(name: str, work: Work) -> Resolve:
    """A mutation's answer: {name: what was made}, or the reason in userErrors."""
    return payloads((name,), lambda arguments, asked: (work(arguments, asked),))


def payloads(names: tuple[str, ...], work: Work) -> Resolve:
    """The same for several things, which `work` returns in the order of their names."""

    def resolve(source: Any, arguments: dict[str, Any], asked: Asked) -> dict[str, Any]:
        try:
            return dict(zip(names, work(arguments, asked), strict=True)) | {"userErrors": []}
        except Wrong as wrong:
            return dict.fromkeys(names) | {"userErrors": [{"message": wrong.message, "path": wrong.path}]}

    return resolve


def connections(kind: str) -> Mapping[str, Resolve]:
    return {
        f"{kind}Connection.pageInfo": lambda found, _, __: listing.page_info(found),
        f"{kind}Connection.edges": lambda found, _, __: listing.edges(found),
    }
