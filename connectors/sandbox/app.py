"""The ASGI application: stand-ins side by side, faults in front of them, state kept on disk."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from connectors.sandbox import pages
from connectors.sandbox.faults import AFTER, BEFORE, Fault
from connectors.sandbox.service import Frame, Service

SERVICES = {"jobber": "connectors.jobber.sandbox:JobberSandbox", "stripe": "connectors.stripe.sandbox:StripeSandbox"}
HERE = Path(__file__).parent
#: Real time a call is held for "timeout" faults that name no seconds.
HOLD_SECONDS = 35.0
type Call = Callable[[], Awaitable[Response]]


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
        kept = json.loads(self.path.read_text()) if self.path and self.path.exists() else {}
        self.frame.clock.offset = kept.get("clock_offset", 0.0)
        for slug, service in self.services.items():
            if slug in kept:
                service.state = kept[slug]
                service.loaded()
            else:
                service.seed(seed)
                self.frame.changed()

    def save(self) -> None:
        """Whole and at once: a killed process leaves the last state, never half of one."""
        if self.path is None:
            return
        content: dict[str, Any] = {slug: s.state for slug, s in self.services.items()}
        content["clock_offset"] = self.frame.clock.offset
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.path.with_suffix(".new")
        temporary.write_text(json.dumps(content))
        temporary.replace(self.path)
        self.frame.dirty = False

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            if self.frame.dirty:
                self.save()

    @contextlib.asynccontextmanager
    async def lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self.frame.delivery.start()
        keeper = asyncio.create_task(self._keep())
        yield
        keeper.cancel()
        self.frame.delivery.stop()
        self.save()

    def app(self) -> Starlette:
        routes: list[BaseRoute] = [Mount(f"/{slug}", routes=s.routes()) for slug, s in self.services.items()]
        routes += [
            Route("/", self._index),
            Route("/_control/faults", self._faults, methods=["GET", "POST", "DELETE"]),
            Route("/_control/stats", self._stats, methods=["GET", "DELETE"]),
            Route("/_control/clock", self._clock, methods=["GET", "POST"]),
            Mount("/static", StaticFiles(directory=HERE / "static")),
        ]
        return Starlette(routes=routes, lifespan=self.lifespan)

    async def _index(self, request: Request) -> HTMLResponse:
        return pages.render("index.html", services=self.services.values())

    async def _faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.frame.faults.clear()
        if request.method == "POST":
            asked = await request.json()
            try:
                if "latency_ms" in asked:
                    self.frame.faults.latency_ms = float(asked.pop("latency_ms"))
                if asked:
                    self.frame.faults.active.append(Fault(**asked))
            except (TypeError, ValueError) as error:
                return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse(self.frame.faults.as_json())

    async def _stats(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.frame.counts.clear()
        return JSONResponse(dict(sorted(self.frame.counts.items())))

    async def _clock(self, request: Request) -> Response:
        if request.method == "POST":
            self.frame.clock.advance(float((await request.json())["advance"]))
        return JSONResponse({"now": self.frame.clock.iso(), "offset": self.frame.clock.offset})


async def answered(
    frame: Frame, service: str, operation: str, call: Call, too_fast: Callable[[], Response]
) -> Response:
    """Make a call of a stand-in under the faults that are switched on. Every API view goes through here."""
    frame.counts[f"{service} {operation}"] += 1
    faults = frame.faults
    if faults.latency_ms:
        await asyncio.sleep(faults.latency_ms / 1000)
    if not faults.active:
        return await call()
    fault = faults.take(service, operation, BEFORE)
    if fault:
        early = await _before(fault, too_fast)
        if early:
            return early
    fault = faults.take(service, operation, AFTER)
    response = await call()
    return await _after(fault, response) if fault else response


async def _before(fault: Fault, too_fast: Callable[[], Response]) -> Response | None:
    if fault.kind == "429":
        return too_fast()
    if fault.kind in {"500", "503"}:
        return JSONResponse({"error": {"type": "api_error", "message": "Switched on."}}, status_code=int(fault.kind))
    if fault.kind == "slow":
        await asyncio.sleep(fault.seconds or 1.0)
        return None
    await asyncio.sleep(0 if fault.kind == "reset" else fault.seconds or HOLD_SECONDS)
    return Broken()


async def _after(fault: Fault, response: Response) -> Response:
    if fault.kind == "500_after":
        return JSONResponse({"error": {"type": "api_error", "message": "Switched on."}}, status_code=500)
    if fault.kind == "html":
        return HTMLResponse("<!doctype html><title>Just a moment</title>")
    if fault.kind == "truncate":
        return Response(bytes(response.body)[: len(response.body) // 2], media_type="application/json")
    await asyncio.sleep(0 if fault.kind == "reset_after" else fault.seconds or HOLD_SECONDS)
    return Broken()


class Broken(Response):
    """Promises more than it sends and stops: the caller sees a broken connection."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"1000")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def create_app(
    path: Path | None = None, seed: str = "demo", environ: Iterable[tuple[str, str]] | None = None
) -> Starlette:
    return Sandbox(dict(environ) if environ is not None else os.environ, path, seed).app()
