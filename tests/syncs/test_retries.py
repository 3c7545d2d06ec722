"""What happens next after each kind of error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import errors
from connectors.errors import (
    AuthError,
    ConnectorError,
    ContractError,
    MissingError,
    RateLimited,
    RejectedError,
    ScopeError,
    SignatureError,
    TransientError,
    UnknownOutcome,
)
from syncs.retries import LONGEST_WAIT, MOST_TRIES, READ_AGAIN, Next, backoff, decide, unreadable
from tests import strategies  # noqa: F401  # its settings

ROWS: list[tuple[ConnectorError, Next, str, bool]] = [
    (AuthError("Signed out."), Next.RECONNECT, "auth", False),
    (ScopeError("May not."), Next.RECONNECT, "scope", False),
    (RateLimited("Slow down.", after=7), Next.WAIT, "rate_limited", True),
    (TransientError("Away."), Next.AGAIN, "unavailable", True),
    (UnknownOutcome("No answer."), Next.LOOK, "unknown_outcome", True),
    (UnknownOutcome("Saved failure.", spent=True), Next.LOOK, "unknown_outcome", True),
    (MissingError("Gone.", code="resource_missing"), Next.LOOK, "missing", True),
    (RejectedError("Bad email.", field="email"), Next.HOLD, "rejected:email", False),
    (RejectedError("Bad."), Next.HOLD, "rejected", False),
    (ContractError("Odd answer."), Next.HOLD, "contract", False),
    (SignatureError("Not signed."), Next.HOLD, "unexpected", False),
    (ConnectorError("Anything."), Next.HOLD, "unexpected", False),
]


@pytest.mark.parametrize(("error", "what", "code", "waits"), ROWS, ids=lambda value: str(value)[:20])
def test_what_happens_next(error: ConnectorError, what: Next, code: str, waits: bool) -> None:
    decision = decide(error, 0)
    assert (decision.next, decision.code) == (what, code)
    assert decision.words.startswith(str(error))
    assert (decision.after > 0) == waits


def test_an_answer_that_is_not_as_we_know_it_is_read_a_few_times_before_a_person_is_asked() -> None:
    odd = ContractError("Odd answer.")
    tried = [unreadable(odd, tries) for tries in range(READ_AGAIN + 1)]
    assert [d.next for d in tried] == [Next.AGAIN] * READ_AGAIN + [Next.HOLD]
    assert sum(d.after for d in tried) <= 600
    assert unreadable(RejectedError("Bad."), 0) == decide(RejectedError("Bad."), 0)


def test_every_error_there_is_has_a_row() -> None:
    there = {
        c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, ConnectorError)
    }  # fmt: skip
    assert {type(row[0]) for row in ROWS} == there


def test_a_limit_is_waited_out_as_long_as_the_service_says() -> None:
    assert decide(RateLimited("Slow down.", after=7), 0).after == 7
    assert decide(RateLimited("Slow down.", after=7), 100).next == Next.WAIT
    assert decide(RateLimited("Slow down.", after=-1), 0).after > 0


@pytest.mark.parametrize("error", [TransientError("Away."), UnknownOutcome("Lost."), MissingError("Gone.")])
def test_no_record_is_tried_for_ever(error: ConnectorError) -> None:
    assert decide(error, MOST_TRIES - 2).next != Next.HOLD
    given_up = decide(error, MOST_TRIES - 1)
    assert (given_up.next, given_up.code) == (Next.HOLD, "gave_up")
    assert given_up.words == f"{error} Tried {MOST_TRIES} times."


def test_codes_fit_where_they_are_stored() -> None:
    assert len(decide(RejectedError("Bad.", field="metadata." + "x" * 200), 0).code) <= 60
    assert len(decide(TransientError("Away.", code="y" * 200), 0).code) <= 60


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_waits_double_up_to_an_hour(tries: int, chance: float) -> None:
    whole = min(2.0 ** min(tries, 60), LONGEST_WAIT)
    assert whole / 2 <= backoff(tries, chance) <= whole
    assert backoff(tries + 1, chance) >= backoff(tries, chance)
    assert whole / 2 <= backoff(tries) <= whole


def test_waits_are_spread_by_chance() -> None:
    assert len({backoff(5) for _ in range(20)}) > 10
