"""What the pages say for what the rows hold: states, reasons, values, in the words of who owns the business."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.formats import date_format

from portal.models import Business
from syncs import recipes
from syncs.invoices.facts import ON_ITS_WAY
from syncs.invoices.totals import ROUNDS
from syncs.models import Link, Run, Sync, Write
from syncs.rules.holding import HELD, role_of

State = Link.State


@dataclass(frozen=True, slots=True)
class Badge:
    """`look` is the badge's class: badge-ok, badge-warn, badge-bad or ''."""

    words: str
    look: str = ""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the two sides of a sync are called: 'Jobber', 'client', 'clients', 'Stripe', 'customer', 'customers'."""

    source: str
    one: str
    many: str
    target: str
    target_one: str
    target_many: str

    def count(self, number: int) -> str:
        """'1 client', '2,000 clients'."""
        return f"{number:,} {self.one if number == 1 else self.many}"

    def count_there(self, number: int) -> str:
        return f"{number:,} {self.target_one if number == 1 else self.target_many}"


def terms(recipe: recipes.Recipe) -> Terms:
    n = recipe.names
    return Terms(n.source, n.source_one, recipe.source_resource, n.target, n.target_one, recipe.target_resource)


def terms_of(sync: Sync) -> Terms:
    return terms(recipes.get(sync.recipe))


#: What the record of a sync is called, where its own label is that of another thing: with it, and with its number.
_TITLES = {
    "pay-links-to-jobber": ("Pay link of {label}", "Pay link of invoice {number}"),
    "payments-to-jobber": ("Note of {label}", ""),
}


def title(recipe: str, label: str, number: str = "") -> str:
    """'Pay link of invoice 1052, Ann Smith', 'Note of payment $110.00, Ann Smith'; most records are called by their
    label. `number`: for a label that does not have it, since nobody has looked at the record yet."""
    plain, numbered = _TITLES.get(recipe, ("", ""))
    if numbered and number and not f"{label},".startswith(f"Invoice {number},"):
        return numbered.format(number=number)
    return plain.format(label=f"{label[:1].lower()}{label[1:]}") if plain else label


# States

_PLANNED = {"create": "Will be created", "link": "Will be matched", "update": "Will be updated"}
_BADGES = {
    State.DUE: Badge("Waiting"),
    State.RETRYING: Badge("Trying again", "badge-warn"),
    State.IN_STEP: Badge("In step", "badge-ok"),
    State.SKIPPED: Badge("Left out"),
    State.HELD: Badge("Needs a look", "badge-warn"),
    State.CONFLICT: Badge("Needs a look", "badge-warn"),
    State.PARKED: Badge("Failed", "badge-bad"),
    State.ENDED: Badge("No longer synced"),
}


#: By the cause of waiting for another record.
_WAITS = {"client": Badge("Waits for its client"), ON_ITS_WAY: Badge("Waits for a payment")}
_DONE = {
    "create": "Created",
    "update": "Updated",
    "add_lines": "Lines added",
    "update_lines": "Lines changed",
    "remove_lines": "Lines taken away",
    "finalize": "Opened for payment",
    "void": "Voided",
    "mark_uncollectible": "Marked as bad debt",
    "delete": "Draft deleted",
    "pay_out_of_band": "Marked as paid elsewhere",
    "attach_payment": "Earlier payment counted",
    "send": "Sent to the client",
    "close_received": "Closed as received",
    "add_link_field": "Field added",
    "reopen": "Opened again",
    "archive": "Archived",
    "unarchive": "Taken out of the archive",
}
#: What is made beside a record.
BESIDE = {"tax_rates": "tax rate", "payment_records": "record of an earlier payment"}


def done(write: Write) -> str:
    """What a call has done: 'Created', 'Opened for payment', 'Tax rate made'."""
    if write.resource in BESIDE:
        return f"{BESIDE[write.resource].capitalize()} made"
    return _DONE.get(write.verb, "Updated")


#: What would be done, by the verb of the ledger. {there}: where it is written.
_TO_DO = {
    "create": "Create it in {there}", "update": "Change it in {there}", "add_lines": "Add lines in {there}",
    "update_lines": "Change lines in {there}", "remove_lines": "Take lines away in {there}",
    "finalize": "Open it for payment in {there}", "void": "Void it in {there}",
    "mark_uncollectible": "Mark it as bad debt in {there}", "delete": "Delete its draft in {there}",
    "pay_out_of_band": "Mark it as paid elsewhere in {there}", "attach_payment": "Count an earlier payment in {there}",
    "close_received": "Close it as received in {there}", "add_link_field": "Add a field for all invoices in {there}",
}  # fmt: skip


def to_do(plan: Mapping[str, Any], names: Terms) -> str:
    """What a plan that waits would do: 'Create it in Stripe'."""
    hold, there = plan.get("hold") or {}, names.source if plan.get("back") else names.target
    if hold.get("steps") and not plan.get("target_id"):
        return _TO_DO["create"].format(there=there)
    if plan.get("resource"):
        return f"Make a {BESIDE.get(plan['resource'], plan['resource'])} in {there}"
    return _TO_DO.get(str(hold.get("verb")), "Change it in {there}").format(there=there)


def badge(link: Link) -> Badge:
    if link.noticed > link.handled:
        return _BADGES[State.RETRYING] if link.state == State.RETRYING else Badge("Waiting")
    if waits(link):
        return _WAITS.get(link.cause_code, Badge("Waits for another record"))
    if link.state == State.PLANNED:
        return Badge(_PLANNED.get(link.verdict, "Planned"))
    if link.state == State.IN_STEP and not link.target_id:
        return Badge("Will be matched")
    if link.state == State.HELD and role_of(link.cause_code):
        return Badge("Waits for approval", "badge-warn")
    return _BADGES[State(link.state)]


def waits(link: Link) -> bool:
    """It has been looked at, and another record must have its counterpart first."""
    return link.state == State.DUE and link.verdict == "wait" and link.noticed <= link.handled


_SAY_SO = ". Where both then still differ, say below that it is settled."
_NEXT = {
    "ambiguous": "Say below whether it is one of these or somebody new.",
    "taken": "Say below who it is.",
    "target_deleted": "Make a new one, or leave it out.",
    "gave_up": "Look at the answer, then sync it again.",
    "kills_worker": "Tell whoever runs Fieldbridge for you, then sync it again.",
    "contract": "Nothing was lost. Tell whoever runs Fieldbridge for you.",
    "both_changed": "Say below which side is right.",
    "made_there": "Say below whether to make a new one.",
    "total_differs": "Compare the lines of both sides below, and correct them. It stays a draft until they agree.",
    ROUNDS: "Let the sync add a line for the cents (in its settings), or correct the lines. It is a draft until then.",
    "approve_void": "Say below whether to void it.",
    "approve_replace": "Say below whether to void it and make a new one.",
    "void_there": "Say below whether to make a new one.",
    "paid_there": f"Settle it with the client, or correct the side that is wrong{_SAY_SO}",
    "changed_after_paid": f"Give a credit note, or bill the difference{_SAY_SO}",
    "paid_twice": f"Look at the payments below; give back what was paid twice{_SAY_SO}",
    "part_paid": f"Give a credit note or the money back in Stripe, or change it back in Jobber{_SAY_SO}",
    "payment_changed": f"Put it right on the side that is wrong{_SAY_SO}",
    "too_small": "Settle it another way, or leave it out.",
    "unknown_status": "Say in the sync's settings what this status means.",
    "client_stopped": "Settle the client; this goes on by itself then.",
    "no_client_sync": "Choose “Clients to customers” first; this goes on by itself then.",
    "not_in_table": "Correct the value, or have it added to the mapping's table; it is then tried again by itself.",
    "ambiguous_invoice": "Void all but one of them there.",
    HELD: "Say below whether to approve it.",
    "route_circle": "Change one of the two rules; it goes on by itself then.",
    "route_gone": "Change the rule; it goes on by itself then.",
}


def next_step(link: Link, names: Terms) -> str:
    """What the person can do now; '' when there is nothing to do."""
    if link.noticed > link.handled:
        return ""
    if link.state in {State.HELD, State.CONFLICT, State.PARKED}:
        corrected = f"Correct it in {names.source}; it is then tried again by itself."
        code = HELD if role_of(link.cause_code) else link.cause_code
        return _NEXT.get(code, corrected)
    if link.state == State.ENDED and link.cause_code == "target_deleted":
        return f"Make a new {names.target_one} if you still need one."
    if waits(link):
        return "Nothing: it goes on by itself."
    if link.state == State.PLANNED:
        return "Nothing is written before the sync goes live."
    return ""


# Why a record was looked at

_RUNS = {
    str(Run.Kind.REVIEW.label): "the first-sync review read it",
    str(Run.Kind.BACKFILL.label): "everything was read once",
    str(Run.Kind.POLL.label): "the regular look for changes found it",
    str(Run.Kind.RECONCILE.label): "the comparison of both sides found it",
}


def why_noticed(noticed_by: str) -> str:
    """'Alice asked for it', 'a change was reported (CLIENT_UPDATE)'."""
    head, _, tail = noticed_by.partition(" ")
    if noticed_by in _RUNS:
        return _RUNS[noticed_by]
    if head == "webhook":
        return f"a change was reported ({tail})"
    if noticed_by.startswith("asked by "):
        return f"{noticed_by.removeprefix('asked by ')} asked for it"
    if noticed_by.startswith("rule of "):
        return f"a rule of “{noticed_by.removeprefix('rule of ')}” has sent it here, or takes it back"
    return noticed_by or "it was due"


_PERMISSIONS = {
    "read_custom_field_configurations": "see which custom fields there are",
    "write_custom_field_configurations": "add custom fields",
}
_MAY = {"read": "see", "write": "change"}


def permission(scope: str) -> str:
    """'change clients' for 'write_clients'; one that nobody knows speaks for itself."""
    verb, _, what = scope.partition("_")
    plain = f"{_MAY[verb]} {what.replace('_', ' ')}" if verb in _MAY and what else scope
    return _PERMISSIONS.get(scope, plain)


# Values

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)")


def zone(business: Business) -> ZoneInfo:
    return ZoneInfo(business.time_zone)


def shown(value: Any, place: ZoneInfo) -> str:
    """A record's value as a person reads it; '' for nothing. Times in the business's own zone."""
    match value:
        case None | "" | [] | {}:
            return ""
        case bool():
            return "Yes" if value else "No"
        case list():
            return ", ".join(shown(v, place) for v in value)
        case str() if _MOMENT.fullmatch(value):
            return moment(datetime.fromisoformat(value), place)
    return str(value)


def moment(at: datetime, place: ZoneInfo) -> str:
    """'5 Jan 2026, 3:04 pm'."""
    return date_format(at.astimezone(place), "j M Y, g:i a")


def day(value: Any, place: ZoneInfo) -> str:
    """'5 Jan 2026' of an ISO date or time; what is neither speaks for itself."""
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return str(value or "")
    return date_format(at.astimezone(place) if at.tzinfo else at, "j M Y")


def seconds(value: float) -> str:
    """'0.4 s', '12 s', '3 min', '2 h'."""
    if value < 10:
        return f"{value:.1f} s"
    if value < 120:
        return f"{value:.0f} s"
    return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.0f} h"


_PARTICULAR = re.compile(r"“[^”]*”|[\d,]+")


def kind(warning: str) -> str:
    """What a warning says without what is particular to one record: alike for all that it happened to."""
    return _PARTICULAR.sub("…", warning)
