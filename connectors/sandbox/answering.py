"""One call of a stand-in's API, under the faults that are switched on."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from connectors.sandbox import serving
from connectors.sandbox.faults import AFTER, BEFORE, Fault
from connectors.sandbox.service import Frame

#: How long a call is held by a "timeout" fault that names no seconds: longer than any caller waits.
HOLD_SECONDS = 35.0
type Call = Callable[[], Awaitable[Response]]
#: The service's own failure, made of the answer that it stands in for.
type Fail = Callable[[Response], Response]
#: How a slow call passes its seconds.
type Wait = Callable[[float], Awaitable[Any]]


def _failed(response: Response) -> Response:
    return JSONResponse({"error": {"type": "api_error", "message": "Switched on."}}, status_code=500)


async def answered(
    frame: Frame, service: str, operation: str, call: Call, too_fast: Callable[[], Response],
    *, failed: Fail = _failed, wait: Wait = asyncio.sleep,
) -> Response:  # fmt: skip
    """Make a call of a stand-in under the faults that are switched on. Every API view goes through here.

    `too_fast` answers a "429" fault, `failed` a "500_after" (so that a service can keep it under an idempotency
    key), and `wait` passes the time of a "slow" one (so that a service can hold its locks meanwhile).
    """
    frame.counts[f"{service} {operation}"] += 1
    faults = frame.faults
    if faults.latency_ms:
        await asyncio.sleep(faults.latency_ms / 1000)
    if not faults.active:
        return await call()
    fault = faults.take(service, operation, BEFORE)
    if fault:
        early = await _before(fault, too_fast, wait)
        if early:
            return early
    fault = faults.take(service, operation, AFTER)
    response = await call()
    return _after(fault, response, failed) if fault else response


async def _before(fault: Fault, too_fast: Callable[[], Response], wait: Wait) -> Response | None:
    if fault.kind == "429":
        return too_fast()
    if fault.kind in {"500", "503"}:
        return JSONResponse({"error": {"type": "api_error", "message": "Switched on."}}, status_code=int(fault.kind))
    if fault.kind == "slow":
        await wait(fault.seconds or 1.0)
        return None
    return Broken(hold=0.0 if fault.kind == "reset" else fault.seconds or HOLD_SECONDS)


def _after(fault: Fault, response: Response, failed: Fail) -> Response:
    if fault.kind == "500_after":
        return failed(response)
    if fault.kind == "html":
        return HTMLResponse("<!doctype html><title>Just a moment</title><h1>Checking your browser</h1>")
    if fault.kind == "truncate":
        return Response(bytes(response.body)[: len(response.body) // 2], media_type="application/json")
    if fault.kind == "reset_after":
        return Broken(bytes(response.body))
    return Broken(hold=fault.seconds or HOLD_SECONDS)


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
