"""A sandbox in a thread, for tests."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

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
    config = uvicorn.Config(
        sandbox.app(), host="127.0.0.1", port=0, log_level="error", access_log=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 15
    while not server.started and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Running(f"http://127.0.0.1:{port}", sandbox)
    finally:
        server.should_exit = True
        thread.join(10)
