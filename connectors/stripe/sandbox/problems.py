"""Stripe's refusals, as its API words them."""

from typing import Any

DOCS = "https://docs.stripe.com/error-codes/"


class Problem(Exception):
    """An error answer. `error` is what stands under "error"; `headers` go out with it."""

    def __init__(
        self, status: int, message: str, *, code: str = "", param: str = "", kind: str = "invalid_request_error",
        headers: dict[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.status, self.headers = status, headers or {}
        self.error: dict[str, Any] = {"message": message, "type": kind}
        if code:
            self.error |= {"code": code, "doc_url": DOCS + code.replace("_", "-")}
        if param:
            self.error["param"] = param

    def body(self, request_id: str) -> dict[str, Any]:
        log = f"https://dashboard.stripe.com/test/logs/{request_id}"
        return {"error": self.error | {"request_log_url": log}}


class Declined(Problem):
    """A payment was tried and refused. What was begun stays, and an idempotency key keeps the answer.

    `error`: all that stands under "error".
    """

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(402, error["message"])
        self.error = error


def missing(what: str, found: str, *, param: str = "id", status: int = 404) -> Problem:
    """`what` as Stripe says it: 'customer', 'event'. An unknown id inside the parameters is a 400."""
    return Problem(status, f"No such {what}: '{found}'", code="resource_missing", param=param)


def unknown(names: list[str]) -> Problem:
    some = "parameter" if len(names) == 1 else "parameters"
    return Problem(
        400, f"Received unknown {some}: {', '.join(names)}", code="parameter_unknown", param=names[0]
    )  # fmt: skip


def required(param: str) -> Problem:
    return Problem(400, f"Missing required param: {param}.", code="parameter_missing", param=param)


def not_here(param: str) -> Problem:
    """For what Stripe takes and the stand-in does not model: better refused than passed over."""
    return Problem(400, f"The sandbox does not know what '{param}' does at Stripe. Leave it out.", param=param)


def bad_integer(value: object, param: str) -> Problem:
    return Problem(400, f"Invalid integer: {value}", code="parameter_invalid_integer", param=param)


def masked(key: str) -> str:
    """'sk_test_********form', as Stripe shows a key in its messages."""
    head, tail = key[:8], key[-4:]
    return f"{head}{'*' * max(4, len(key) - 12)}{tail}" if len(key) > 12 else "*" * len(key)


def too_fast(reason: str) -> Problem:
    message = "Request rate limit exceeded. Learn more about rate limits: https://docs.stripe.com/rate-limits."
    return Problem(429, message, code="rate_limit", headers={"Stripe-Rate-Limited-Reason": reason})


def broken() -> Problem:
    message = "An unknown error occurred. Nothing more is known about it."
    return Problem(500, message, kind="api_error")


def own() -> dict[str, Problem]:
    """Stripe's own words for faults of the sandbox's frame."""
    return {
        "401": Problem(401, "Invalid API Key provided: sk_test_****form"),
        "403": Problem(
            403,
            "The provided key does not have the required permissions for this endpoint.",
            code="more_permissions_required",
        ),
        "cursor": missing("object", "gone", param="starting_after", status=400),
    }
