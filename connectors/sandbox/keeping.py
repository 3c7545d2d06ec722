"""The state on disk: one JSON file, written in slices so that the stand-ins go on answering meanwhile."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

#: Containers this deep are copied at the start of a save; what lies deeper is replaced by services, not changed.
DEPTH = 5
SLICE = 256 * 1024
#: A save may take this share of the process's time.
SHARE = 0.05


def read(path: Path | None) -> dict[str, Any]:
    """{} where there is none yet."""
    if path is None or not path.exists():
        return {}
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def write(path: Path, content: dict[str, Any]) -> None:
    """Whole and at once: a killed process leaves the last state, never half of one."""
    temporary = _beside(path)
    temporary.write_text(json.dumps(content))
    temporary.replace(path)


async def write_gently(path: Path, content: dict[str, Any]) -> float:
    """The same, giving way between slices. Returns the seconds of work it took."""
    spent, began = 0.0, time.perf_counter()
    pieces = _slices(_copied(content, DEPTH))
    temporary = _beside(path)
    with temporary.open("w") as file:
        for piece in pieces:
            file.write(piece)
            spent += time.perf_counter() - began
            await asyncio.sleep(0)
            began = time.perf_counter()
    temporary.replace(path)
    return spent + time.perf_counter() - began


def _beside(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_suffix(".new")


def _copied(value: Any, depth: int) -> Any:
    if depth and isinstance(value, dict):
        return {k: _copied(v, depth - 1) for k, v in value.items()}
    if depth and isinstance(value, list):
        return [_copied(v, depth - 1) for v in value]
    return value


def _slices(value: Any) -> Iterator[str]:
    held: list[str] = []
    size = 0
    for piece in _pieces(value, DEPTH - 1):
        held.append(piece)
        size += len(piece)
        if size >= SLICE:
            yield "".join(held)
            held, size = [], 0
    yield "".join(held)


def _pieces(value: Any, depth: int) -> Iterator[str]:
    """JSON text, in pieces no larger than one value at the bottom."""
    if depth and isinstance(value, dict):
        yield "{"
        for number, (key, inner) in enumerate(value.items()):
            yield f"{', ' if number else ''}{json.dumps(str(key))}: "
            yield from _pieces(inner, depth - 1)
        yield "}"
    elif depth and isinstance(value, list):
        yield "["
        for number, inner in enumerate(value):
            if number:
                yield ", "
            yield from _pieces(inner, depth - 1)
        yield "]"
    else:
        yield json.dumps(value)
