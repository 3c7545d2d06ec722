"""An invoice that is not there yet, and one that is still a draft. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from connectors import amounts
from connectors.base import Record
from syncs import planning
from syncs.comparing import Change, Known, compare, moved_on
from syncs.invoices import document, totals
from syncs.invoices.case import LINE_KEY, SENT, TAKEN_BACK, Case
from syncs.invoices.document import Document, Line, Tax
from syncs.invoices.facts import Facts
from syncs.invoices.statuses import DRAFT, NONE, VOID
from syncs.mapping import Compiled
from syncs.planning import Plan, Verdict


def without(case: Case) -> Plan:
    taken_back = case.known.base.get(TAKEN_BACK)
    if taken_back and case.goal in {NONE, VOID}:
        return case.plan(Verdict.SKIP, "not_sent", "It is not sent in Jobber; its draft in Stripe is gone.")
    asked = case.decided("new") or case.decided("replace") or taken_back
    wanted = case.goal not in {NONE, VOID} and (asked or not case.known.target_id)
    return tax_rate(case) or new_draft(case) if wanted else _deleted_there(case)


def _deleted_there(case: Case) -> Plan:
    """Said once; asked about only when the source has something new to tell."""
    gone, known = "The invoice was deleted in Stripe", case.known
    news = case.goal not in {NONE, VOID} and (case.lines_moved() or moved_on(case.version, case.source, known))
    if not known.ended or not news:
        words = f"{gone}. Nothing was changed in Jobber."
        return case.plan(Verdict.END, "target_deleted", words, target_id=known.target_id)
    words = f"{gone}, and it has changed in Jobber since. Make a new one, or leave it out?"
    return case.plan(Verdict.HOLD, "target_deleted", words, target_id=known.target_id)


def new_draft(case: Case) -> Plan:
    """One that takes the place of another can not have its number: an invoice keeps that for good."""
    fresh = compare(case.version, case.source, None, Known())
    header = {p: v for p, v in case.document.header.items() if v not in ("", None, [])}
    extra = [Change(p, "", v) for p, v in header.items() if p != "number" or case.target is None]
    reason = f"It is made in Stripe as a draft of {case.money(case.document.total)}."
    return Plan(
        Verdict.CREATE, "missing", reason, "", (*extra, *fresh.changes), fresh.warnings, fresh.values, more=True
    )  # fmt: skip


def tax_rate(case: Case) -> Plan | None:
    """One for each percentage, name and way of counting; it is made once and used again."""
    for tax in case.document.taxes:
        if _rate_of(case.facts, tax) is None:
            sent = {"name": tax.name, "percent": tax.percent, "inclusive": tax.inclusive, "country": case.facts.country}
            reason = f"Stripe has no tax rate {tax.name} {tax.percent}% {_way(tax)} yet."
            return Plan(
                Verdict.CREATE, "tax_rate", reason, "", tuple(Change(p, "", v) for p, v in sent.items()),
                values=case.known.base, resource="tax_rates", more=True,
            )  # fmt: skip
    return None


def _rate_of(facts: Facts, tax: Tax) -> str | None:
    for rate in facts.tax_rates:
        found = rate.data
        same = found.get("name") == tax.name and bool(found.get("inclusive")) == tax.inclusive
        if same and found.get("active", True) and amounts.plain(document.number(found.get("percent"))) == tax.percent:
            return rate.id
    return None


def _way(tax: Tax) -> str:
    return "within prices" if tax.inclusive else "on top of prices"


# A draft


def on_draft(case: Case) -> Plan:
    made, total = case.document, case.total_there
    if case.goal in {VOID, NONE}:
        return _take_back(case, "It is no longer sent in Jobber, so its draft in Stripe goes.")
    if case.there.data.get("customer") != case.facts.client.id:
        return _take_back(case, "Its client has changed, and a draft keeps its customer: it is made anew.")
    step = tax_rate(case) or _lines(case) or _fields(case)
    if step:
        return step
    if total != made.total:
        words = totals.differ(made, total, case.source.data, case.facts.currency)
        code = totals.ROUNDS if totals.rounds(made, total) else "total_differs"
        return case.hold(code, f"{words} It stays a draft, and nobody can pay it.")
    if case.goal == DRAFT:
        return case.in_step("It is a draft on both sides.")
    if not case.options.get("finalize", True):
        return case.in_step("Its draft is ready in Stripe; it is opened for payment there.")
    least = document.LEAST.get(case.facts.currency, 0)
    if 0 < total < least:
        words = f"It comes to {case.money(total)}, and Stripe takes no payment below {case.money(least)}."
        return case.hold("too_small", f"{words} It stays a draft.")
    words = f"Both sides come to {case.money(total)}, so it is opened for payment."
    return case.step(words, "finalize", values={**case.wanted.values, SENT: _sent(case)})


def _take_back(case: Case, reason: str) -> Plan:
    return case.step(reason, "delete", values={**case.wanted.values, TAKEN_BACK: True})


def _lines(case: Case) -> Plan | None:
    """Lines to take away, then to change, then to add: one call each."""
    wanted = {line.key: line for line in case.document.lines}
    there: dict[str, Mapping[str, Any]] = {}
    extra: list[str] = []
    for row in case.there.data.get("lines") or ():
        if _key(row) in wanted and _key(row) not in there:
            there[_key(row)] = row
        else:
            extra.append(row["id"])
    sent = _sent(case)
    before = case.known.base.get(SENT)
    if extra:
        kept = {key: value for key, value in (before or {}).items() if key in wanted}
        return _line_step(case, "remove_lines", Change("ids", "", extra), f"{_count(extra)} no longer in Jobber.", kept)
    changed = [line for key, line in wanted.items() if key in there and _moved(line, there[key], before)]
    if changed:
        rows = [{"id": there[line.key]["id"], **_row(line, case.facts)} for line in changed]
        words = f"{_count(rows)} changed in Jobber."
        return _line_step(case, "update_lines", Change("lines", "", rows), words, sent)
    missing = [line for key, line in wanted.items() if key not in there]
    if missing:
        rows = [_row(line, case.facts) for line in missing]
        worth = case.money(sum(line.amount for line in missing))
        return _line_step(case, "add_lines", Change("lines", "", rows), f"{_count(rows)} added, {worth}.", sent)
    return None


def _sent(case: Case) -> dict[str, Any]:
    """What counts as sent once all lines are there, also where the answer to some of them was lost."""
    return {line.key: line.as_json() for line in case.document.lines}


def _line_step(case: Case, action: str, change: Change, reason: str, sent: Mapping[str, Any]) -> Plan:
    return case.step(reason, action, [change], values={**case.wanted.values, **case.known.base, SENT: dict(sent)})


def in_doubt(known: Mapping[str, Any], agreed: Mapping[str, Any]) -> dict[str, Any]:
    """A link's base once the answer to a change of lines was lost for good: those are sent again, whatever they say by
    then. `agreed`: what the base would have been."""
    meant = agreed.get(SENT) or {}
    sent = {key: line if meant.get(key, line) == line else None for key, line in (known.get(SENT) or {}).items()}
    return {**known, SENT: sent}


def _moved(line: Line, there: Mapping[str, Any], before: Mapping[str, Any] | None) -> bool:
    """Against what was sent, since Stripe may show a line in its own words; against what is there when nobody knows."""
    if before is not None and line.key in before:
        return bool(before[line.key] != line.as_json())
    return line.amount != int(there.get("amount") or 0)


def _key(line: Mapping[str, Any]) -> str:
    return str((line.get("metadata") or {}).get(LINE_KEY) or f"theirs {line['id']}")


def _row(line: Line, facts: Facts) -> dict[str, Any]:
    rate = _rate_of(facts, line.tax) if line.tax else None
    return {
        "description": line.description, "quantity_decimal": amounts.plain(line.quantity),
        "unit_amount_decimal": amounts.plain(line.unit), "tax_rates": [rate] if rate else [],
        "metadata": {LINE_KEY: line.key},
    }  # fmt: skip


def _count(rows: Sequence[object]) -> str:
    return f"{len(rows)} {'line is' if len(rows) == 1 else 'lines are'}"


def to_round(version: Compiled, made: Document, there: int, target: Record) -> int:
    """What a line for rounding has to come to: a cent for each line at most, where the business has said that this is
    all right; 0 for none."""
    rows = target.data.get("lines") or ()
    rounded = [row for row in rows if _key(row) == document.ROUNDING]
    gap = made.total - there + sum(int(row.get("amount") or 0) for row in rounded)
    complete = len(rows) - len(rounded) >= len(made.lines)
    return gap if version.options.get("rounding_line") and complete and abs(gap) <= len(made.lines) else 0


def rounding(gap: int) -> Line:
    return Line(document.ROUNDING, "Rounding", Decimal(1), Decimal(gap), None)


def _fields(case: Case) -> Plan | None:
    """The header while it is a draft: mapped fields, and those that follow from the document."""
    there = case.there.data
    extra = [
        Change(path, there.get(path, ""), value)
        for path, value in document.lasting_header(case.document.header, there, case.facts.now).items()
        if value != there.get(path) and not (value in ("", None, []) and not there.get(path))
    ]
    changes = (*case.wanted.changes, *extra)
    if not changes:
        return None
    return case.step(
        f"{planning.field_words(changes)} changed in Jobber.", changes=changes, warnings=case.wanted.warnings
    )
