"""One call of a stand-in's API, under the faults that are switched on."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from connectors.sandbox import serving
from connectors.sandbox.faults import AFTER, BEFORE, OWN, Fault
from connectors.sandbox.service import Frame

#: How long a call is held by a "timeout" fault that names no seconds: longer than any caller waits.
HOLD_SECONDS = 35.0
type Call = Callable[[], Awaitable[Response]]
#: The service's own failure, made of the answer that it stands in for.
type Fail = Callable[[Response], Response]
#: How a slow call passes its seconds.
type Wait = Callable[[float], Awaitable[Any]]
#: What a service says to a fault of faults.OWN, by its kind.
type Own = Mapping[str, Callable[[], Response]]


def _failed(response: Response) -> Response:
    return JSONResponse({"error": {"type": "api_error", "message": "Switched on."}}, status_code=500)


async def answered(
    frame: Frame, service: str, operation: str, call: Call, too_fast: Callable[[], Response],
    *, failed: Fail = _failed, wait: Wait = asyncio.sleep, own: Own | None = None, asked: bytes = b"",
) -> Response:  # fmt: skip
    """Make a call of a stand-in under the faults that are switched on. Every API view goes through here.

    `too_fast` answers a "429" fault, `failed` a "500_after" (so that a service can keep it under an idempotency
    key), `wait` passes the time of a "slow" one (so that a service can hold its locks meanwhile), and `own` are the
    faults that the service has its own words for. `asked`: what one question is known by from another.
    """
    frame.counts[f"{service} {operation}"] += 1
    faults = frame.faults
    if faults.latency_ms:
        await asyncio.sleep(faults.latency_ms / 1000)
    if not faults.active:
        return await call()
    fault = faults.take(service, operation, BEFORE)
    if fault:
        early = await _before(fault, call, {"429": too_fast, **(own or {})}, wait)
        if early:
            return early
    fault = faults.take(service, operation, AFTER)
    response = await call()
    return _after(fault, response, failed, operation.encode() + asked) if fault else response


async def _before(fault: Fault, call: Call, own: Own, wait: Wait) -> Response | None:
    if fault.kind in OWN | {"429"}:
        said = own.get(fault.kind, own["429"])()
        if fault.kind == "429" and fault.seconds:
            said.headers["Retry-After"] = f"{fault.seconds:.0f}"
        return said
    if fault.kind in {"500", "503"}:
        return JSONResponse({"error": {"type": "api_error", "message": "Switched on."}}, status_code=int(fault.kind))
    if fault.kind == "slow":
        await wait(fault.seconds or 1.0)
        return None
    if fault.kind == "late":
        _late.add(task := asyncio.create_task(_later(call, fault.seconds or 1.0)))
        task.add_done_callback(_late.discard)
        return Broken(hold=HOLD_SECONDS)
    return Broken(hold=0.0 if fault.kind == "reset" else fault.seconds or HOLD_SECONDS)


#: Calls that are still to be done, although nobody waits for their answer.
_late: set[asyncio.Task[None]] = set()


async def _later(call: Call, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await call()


def _after(fault: Fault, response: Response, failed: Fail, question: bytes) -> Response:
    body = bytes(response.body)
    match fault.kind:
        case "500_after":
            return failed(response)
        case "html":
            return HTMLResponse("<!doctype html><title>Just a moment</title><h1>Checking your browser</h1>")
        case "truncate":
            return Response(body[: len(body) // 2], media_type="application/json")
        case "partial":
            errors = [{"message": "Something went wrong", "path": []}]
            return JSONResponse(json.loads(body) | {"errors": errors})
        case "stale":
            return Response(fault.kept.setdefault(question, body), response.status_code, media_type="application/json")
        case "reset_after":
            return Broken(body)
        case "drip" | "huge":
            return Endless(drips=fault.kind == "drip")
    return Broken(hold=fault.seconds or HOLD_SECONDS)


class Endless(Response):
    """An answer that does not end within the time or the size that anybody allows."""

    def __init__(self, *, drips: bool) -> None:
        super().__init__()
        self.drips = drips

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await serving.without_end(b" " if self.drips else b" " * 262_144, 0.05 if self.drips else 0.0, receive, send)


class Broken(Response):
    """No whole answer: the connection is held, then reset; with a `body`, half of that is sent first."""

    def __init__(self, body: bytes = b"", hold: float = 0.0) -> None:
        super().__init__()
        self.half, self.hold = body, hold

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.half:
            return await serving.cut_short(self.half, "application/json", scope, receive, send)
        if self.hold:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.hold):
                    return await serving.until_gone(receive)
        serving.reset(scope)
        return await serving.until_gone(receive)
