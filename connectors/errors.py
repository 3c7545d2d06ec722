"""What can go wrong when speaking to an outside service, named by what happens next.

ConnectorError
├── AuthError        the credentials are no longer taken: park, ask a person to reconnect
│   └── ScopeError   the credentials work but lack a permission, which is named
├── RateLimited      too fast: again after `after` seconds; nothing happened there
├── TransientError   nothing wrong with the record: try later, nothing happened there
│   └── UnknownOutcome   the request may have taken effect: look before doing it again
├── RejectedError    this record, as it is, never: hold until it or the mapping changes
│   └── MissingError     the record addressed is gone
├── ContractError    the answer is not what we know: hold, tell the maintainers
└── SignatureError   a webhook that is not from the service
"""


class ConnectorError(Exception):
    """Base of all. The text is plain words, free of credentials and fit to be shown to staff."""

    code = "error"

    def __init__(self, message: str, *, code: str = "", request_id: str = "", status: int | None = None) -> None:
        super().__init__(message)
        self.code = code or self.code
        self.request_id = request_id
        self.status = status


class AuthError(ConnectorError):
    code = "auth"


class ScopeError(AuthError):
    code = "scope"


class RateLimited(ConnectorError):
    """`after`: seconds to wait. `reason`: the limit hit, in the service's own word."""

    code = "rate_limited"

    def __init__(self, message: str, *, after: float, reason: str = "", **kwargs: str | int | None) -> None:
        super().__init__(message, **kwargs)  # type: ignore[arg-type]  # the three keywords of the base
        self.after = after
        self.reason = reason


class TransientError(ConnectorError):
    code = "unavailable"


class UnknownOutcome(TransientError):
    """`spent`: the service has saved this failure under the idempotency key, so the key will only repeat it."""

    code = "unknown_outcome"

    def __init__(self, message: str, *, spent: bool = False, **kwargs: str | int | None) -> None:
        super().__init__(message, **kwargs)  # type: ignore[arg-type]  # the three keywords of the base
        self.spent = spent


class RejectedError(ConnectorError):
    """`field`: the path in our field catalogue that the service names, or ''."""

    code = "rejected"

    def __init__(self, message: str, *, field: str = "", **kwargs: str | int | None) -> None:
        super().__init__(message, **kwargs)  # type: ignore[arg-type]  # the three keywords of the base
        self.field = field


class MissingError(RejectedError):
    code = "missing"


class ContractError(ConnectorError):
    code = "contract"


class SignatureError(ConnectorError):
    code = "signature"
