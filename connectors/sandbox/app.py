"""The ASGI application: stand-ins side by side, faults in front of them, state kept on disk."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

from connectors.sandbox import keeping
from connectors.sandbox.answering import answered as answered
from connectors.sandbox.control import Control
from connectors.sandbox.delivery import GLANCE_SECONDS
from connectors.sandbox.service import Frame, Service

SERVICES = {"jobber": "connectors.jobber.sandbox:JobberSandbox", "stripe": "connectors.stripe.sandbox:StripeSandbox"}
HERE = Path(__file__).parent
SAVE_SECONDS = 1.0


class Sandbox:
    """All stand-ins of one process. `path` is where the state is kept, or None."""

    def __init__(self, environ: Mapping[str, str] | None = None, path: Path | None = None, seed: str = "demo") -> None:
        self.frame = Frame(dict(environ or {}))
        self.path = path
        self.services: dict[str, Service] = {}
        for slug, place in SERVICES.items():
            module, name = place.split(":")
            self.services[slug] = getattr(import_module(module), name)(self.frame)
        self._fill(seed)

    def _fill(self, seed: str) -> None:
        kept = keeping.read(self.path)
        self.frame.clock.offset = kept.get("clock_offset", 0.0)
        for slug, service in self.services.items():
            if slug in kept:
                service.state = kept[slug]
                service.loaded()
            else:
                service.seed(seed)
                self.frame.changed()

    def _content(self) -> dict[str, Any]:
        states: dict[str, Any] = {slug: s.state for slug, s in self.services.items()}
        return states | {"clock_offset": self.frame.clock.offset}

    def save(self) -> None:
        if self.path is None:
            return
        self.frame.dirty = False
        keeping.write(self.path, self._content())

    async def _keep(self, path: Path) -> None:
        pause = SAVE_SECONDS
        while True:
            await asyncio.sleep(pause)
            if self.frame.dirty:
                self.frame.dirty = False
                spent = await keeping.write_gently(path, self._content())
                pause = max(SAVE_SECONDS, spent / keeping.SHARE)

    async def _pass_time(self) -> None:
        while True:
            await asyncio.sleep(GLANCE_SECONDS)
            for service in self.services.values():
                service.passing()

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self.frame.delivery.start()
        tasks = [asyncio.create_task(self._pass_time())]
        if self.path:
            tasks.append(asyncio.create_task(self._keep(self.path)))
        yield
        await self.frame.delivery.stop()
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self.save()

    def app(self) -> Starlette:
        routes: list[BaseRoute] = [Mount(f"/{slug}", routes=s.routes()) for slug, s in self.services.items()]
        routes += Control(self.frame, list(self.services.values())).routes()
        routes.append(Mount("/static", StaticFiles(directory=HERE / "static")))
        return Starlette(routes=routes, lifespan=self.lifespan)
