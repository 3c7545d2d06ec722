"""A sandbox in a thread, for tests."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from connectors.sandbox import serving
from connectors.sandbox.app import Sandbox


@dataclass
class Running:
    url: str
    sandbox: Sandbox


@contextmanager
def running(
    environ: Mapping[str, str] | None = None, seed: str = "demo", path: Path | None = None
) -> Iterator[Running]:
    """Serves on a free loopback port until the block ends."""
    sandbox = Sandbox(environ, path, seed)
    server = uvicorn.Server(serving.config(sandbox.app(), port=0, graceful_seconds=1))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 15
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    if not server.started:
        raise RuntimeError("The sandbox did not start.")
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Running(f"http://127.0.0.1:{port}", sandbox)
    finally:
        server.should_exit = True
        thread.join(10)
