"""What Stripe lets an account do, asks of it, and which payments are disputed: told whether or not anything is synced.

Words of Stripe's that are not known here are said plainly as "further details".
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from connectors.base import Credentials
from connectors.concerns import Concern, Concerns
from connectors.errors import ScopeError
from connectors.stripe import records
from connectors.stripe.asking import Asking
from connectors.stripe.doctor import own_account
from connectors.stripe.payments import payment_of
from connectors.stripe.records import Json
from connectors.stripe.sending import Sender

CHARGES, PAYOUTS, ASKED, OVERDUE, DISPUTE = "charges_off", "payouts_off", "details_asked", "details_overdue", "dispute"
OF_ACCOUNT = frozenset({CHARGES, PAYOUTS, ASKED, OVERDUE})
#: A bank decides within months.
_DISPUTES_OF = 400 * 86_400
_ENDED = {
    "won": "The dispute about {amount} was won: the money is yours",
    "lost": "The dispute about {amount} was lost: the money went back to the client",
    "warning_closed": "The inquiry about {amount} was closed without a dispute",
    "prevented": "The dispute about {amount} was prevented",
}
_ANSWERED = frozenset({"under_review", "warning_under_review"})
#: How what Stripe asks for begins: what it is.
_DETAILS = (
    ("external_account", "the bank account to pay out to"), ("tos_acceptance", "your agreement to its terms"),
    ("business_profile", "details of what the business does"), ("company.tax_id", "the tax number of the business"),
    ("company", "details of the business"), ("documents", "a document"), ("owners", "details of the owners"),
    ("directors", "details of the directors"), ("interv", "an answer to its question"),
)  # fmt: skip
_OFF_BECAUSE = (
    ("requirements.past_due", "Details that Stripe asked for are overdue."),
    ("requirements.pending", "Stripe is checking what was sent in."),
    ("under_review", "Stripe is reviewing the account."),
    ("listed", "Stripe is looking into the account."), ("rejected", "Stripe has closed the account."),
    ("platform_paused", "The account was paused."),
)  # fmt: skip


def read(sender: Sender, asking: Asking, credentials: Credentials) -> Concerns:
    """Two calls, a few more where there are hundreds of disputes."""
    since = {"created": {"gte": int(time.time()) - _DISPUTES_OF}}
    parts: tuple[tuple[frozenset[str], Callable[[], Iterable[Concern]]], ...] = (
        (OF_ACCOUNT, lambda: of_account(own_account(sender), livemode=credentials.livemode)),
        (frozenset({DISPUTE}), lambda: of_disputes(asking.everything("disputes", since))),
    )
    found: list[Concern] = []
    unread: frozenset[str] = frozenset()
    for codes, ask in parts:
        try:
            found += records.read("account", ask)
        except ScopeError:
            unread |= codes
    return Concerns(found, unread)


def of_account(found: Json, *, livemode: bool) -> list[Concern]:
    asked = found.get("requirements") or {}
    page = f"https://dashboard.stripe.com/{'' if livemode else 'test/'}account/status"
    why = _why(str(asked.get("disabled_reason") or ""))
    steps = f"{f'{why} ' if why else ''}Open Stripe: it says what it needs from you"
    concerns = []
    if found.get("charges_enabled") is False:
        title = "Stripe takes no payments for you at the moment"
        concerns.append(Concern(CHARGES, title, f"{steps} before clients can pay again.", url=page))
    if found.get("payouts_enabled") is False:
        title = "Stripe does not pay out to your bank at the moment"
        concerns.append(Concern(PAYOUTS, title, f"{steps} before your money moves again.", url=page))
    late, due = asked.get("past_due") or [], asked.get("currently_due") or []
    if late:
        step = f"Open Stripe and give {details(late)}: until then it may hold back payments and payouts."
        concerns.append(Concern(OVERDUE, "Details that Stripe asked for are overdue", step, url=page))
    elif due:
        deadline = asked.get("current_deadline")
        until = records.moment(deadline) if deadline else None
        step = f"Open Stripe and give {details(due)}."
        concerns.append(Concern(ASKED, "Stripe asks for more details", step, due=until, url=page))
    return concerns


def details(asked: Iterable[str]) -> str:
    """“the bank account to pay out to and a document”, each once."""
    named = list(dict.fromkeys(_detail(each) for each in asked))
    return " and ".join([", ".join(named[:-1]), named[-1]] if len(named) > 1 else named)


def _detail(asked: str) -> str:
    if asked.endswith("document") or ".verification." in asked:
        return "an identity document"
    if asked.startswith(("individual", "person_", "representative", "relationship")):
        return "personal details of the account's representative"
    return next((words for start, words in _DETAILS if asked.startswith(start)), "further details")


def _why(reason: str) -> str:
    return next((words for start, words in _OFF_BECAUSE if reason.startswith(start)), "")


def of_disputes(found: Iterable[Json]) -> list[Concern]:
    """Of several about one payment the latest, which comes first."""
    latest: dict[str, Concern] = {}
    for each in found:
        latest.setdefault(payment_of(each), _dispute(each))
    return list(latest.values())


def _dispute(found: Mapping[str, Any]) -> Concern:
    status, due = str(found["status"]), (found.get("evidence_details") or {}).get("due_by")
    about: dict[str, Any] = {
        "about": payment_of(found), "amount": int(found["amount"]), "currency": str(found["currency"]).upper(),
        "url": records.dashboard(found, "disputes"),
    }  # fmt: skip
    if status in _ENDED:
        return Concern(DISPUTE, _ENDED[status], "", over=True, **about)
    if status in _ANSWERED:
        return Concern(DISPUTE, "A payment of {amount} is disputed; you have answered", _WAIT, **about)
    title = "A client's bank disputes a payment of {amount}"
    return Concern(DISPUTE, title, _ANSWER, due=records.moment(due) if due else None, **about)


_ANSWER = "Open the dispute in Stripe and answer it with what shows that the work was done and agreed to."
_WAIT = "Nothing for now: the bank decides, which can take weeks."
