"""The frame's own pages and switches: faults, the clock, what was sent. As pages for people, as JSON for tests."""

from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from connectors.sandbox import pages
from connectors.sandbox.faults import WORDS, Fault
from connectors.sandbox.service import Frame, Service

STEPS = (
    (300, "5 minutes"),
    (3600, "1 hour"),
    (86400, "1 day"),
    (7 * 86400, "1 week"),
    (31 * 86400, "31 days"),
)


class Control:
    def __init__(self, frame: Frame, services: list[Service]) -> None:
        self._frame, self._services = frame, services

    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self._index),
            Route("/faults", self._faults_page, methods=["GET", "POST"]),
            Route("/clock", self._clock_page, methods=["GET", "POST"]),
            Route("/webhooks", self._webhooks_page),
            Route("/webhooks/{number:int}", self._webhook_page, methods=["GET", "POST"]),
            Route("/_control/faults", self._faults, methods=["GET", "POST", "DELETE"]),
            Route("/_control/stats", self._stats, methods=["GET", "DELETE"]),
            Route("/_control/clock", self._clock, methods=["GET", "POST"]),
            Route("/_control/webhooks", self._webhooks),
        ]

    async def _index(self, request: Request) -> HTMLResponse:
        return pages.render("index.html", services=self._services)

    async def _faults_page(self, request: Request) -> Response:
        error = ""
        if request.method == "POST":
            form = {k: str(v).strip() for k, v in (await request.form()).items()}
            try:
                self._switch(form)
                return RedirectResponse("/faults", 303)
            except (ValueError, IndexError):
                error = "A number is not a number: whole times and calls, seconds, a chance between 0 and 1."
        return self._show_faults(error)

    def _show_faults(self, error: str) -> HTMLResponse:
        operations = sorted({name.partition(" ")[2] for name in self._frame.counts} | {"webhook"})
        return pages.render(
            "faults.html", 400 if error else 200, faults=self._frame.faults, words=WORDS, services=self._services,
            operations=operations, error=error,
        )  # fmt: skip

    def _switch(self, form: dict[str, str]) -> None:
        faults = self._frame.faults
        if form.get("do") == "clear":
            faults.clear()
        elif form.get("do") == "remove":
            del faults.active[int(form["number"])]
        elif form.get("do") == "latency":
            faults.latency_ms = max(0.0, float(form["latency_ms"] or 0))
        else:
            faults.add(form.get("kind", ""), **_settings(form))

    async def _clock_page(self, request: Request) -> Response:
        error = ""
        if request.method == "POST":
            try:
                self._advance(str((await request.form()).get("seconds") or ""))
                return RedirectResponse("/clock", 303)
            except ValueError:
                error = "Give a number of seconds."
        clock = self._frame.clock
        return pages.render("clock.html", 400 if error else 200, clock=clock, steps=STEPS, error=error)

    def _advance(self, seconds: object) -> None:
        self._frame.clock.advance(float(str(seconds)))
        self._frame.changed()

    async def _webhooks_page(self, request: Request) -> HTMLResponse:
        service = request.query_params.get("service", "")
        sent = [p for p in reversed(self._frame.delivery.sent) if service in {"", p.service}]
        return pages.render("webhooks.html", parcels=sent[:100], services=self._services, service=service)

    async def _webhook_page(self, request: Request) -> Response:
        delivery = self._frame.delivery
        parcel = next((p for p in delivery.sent if p.number == request.path_params["number"]), None)
        if parcel is None:
            return pages.render("missing.html", 404, what="webhook")
        if request.method == "POST":
            delivery.again(parcel)
            return RedirectResponse(f"/webhooks/{parcel.number}", 303)
        return pages.render("webhook.html", parcel=parcel)

    async def _faults(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._frame.faults.clear()
        if request.method == "POST":
            asked = await request.json()
            try:
                if "latency_ms" in asked:
                    self._frame.faults.latency_ms = float(asked.pop("latency_ms"))
                if asked:
                    self._frame.faults.active.append(Fault(**asked))
            except (TypeError, ValueError) as error:
                return JSONResponse({"error": str(error)}, status_code=400)
        return JSONResponse(self._frame.faults.as_json())

    async def _stats(self, request: Request) -> Response:
        if request.method == "DELETE":
            self._frame.counts.clear()
        return JSONResponse(dict(sorted(self._frame.counts.items())))

    async def _webhooks(self, request: Request) -> Response:
        """What was sent lately, oldest first."""
        shown = ("number", "service", "topic", "tries", "status", "taken", "log")
        return JSONResponse({"sent": [{n: getattr(p, n) for n in shown} for p in self._frame.delivery.sent]})

    async def _clock(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                self._advance((await request.json())["advance"])
            except (ValueError, KeyError, TypeError):
                return JSONResponse({"error": 'Send {"advance": seconds}.'}, status_code=400)
        return JSONResponse({"now": self._frame.clock.iso(), "offset": self._frame.clock.offset})


def _settings(form: dict[str, str]) -> dict[str, Any]:
    """ValueError where a number is none."""
    chance = float(form.get("probability") or 1)
    times, skip, seconds = int(form.get("times") or 1), int(form.get("skip") or 0), float(form.get("seconds") or 0)
    if not (0 < chance <= 1 and times > 0 and skip >= 0 and seconds >= 0):
        raise ValueError("out of range")
    return {
        "service": form.get("service", ""), "operation": form.get("operation", ""), "times": times, "skip": skip,
        "probability": chance, "seconds": seconds,
    }  # fmt: skip
