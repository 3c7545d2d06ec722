"""The Stripe stand-in's invoices: from a draft with lines to open, paid, void or uncollectible, and what it refuses."""

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.sandbox.running import running
from tests.connectors.stripe_calls import EMPTY, Calls, eventually

pytestmark = pytest.mark.sandbox
DAY = 86_400
SENT = {"collection_method": "send_invoice", "days_until_due": "14"}


@pytest.fixture
def stripe() -> Iterator[Calls]:
    with running({"SANDBOX_LIMITS": "off"}, seed="empty") as found:
        yield Calls(found, EMPTY)


@pytest.fixture
def customer(stripe: Calls) -> str:
    return str(stripe.create(name="Ann", email="ann@example.com", invoice_prefix="ANN1")["id"])


def draft(stripe: Calls, customer: str, **form: str) -> Any:
    answer = stripe.post("invoices", customer=customer, **(SENT | form))
    assert answer.status_code == 200, answer.text
    return answer.json()


def priced(unit: str, quantity: str = "1", **more: str) -> dict[str, str]:
    """What the connector says of a line: a unit price in minor units and a quantity, both with decimals."""
    return {
        "description": "Work", "quantity_decimal": quantity, "price_data[currency]": "aud",
        "price_data[product_data][name]": "Work", "price_data[unit_amount_decimal]": unit, **more,
    }  # fmt: skip


def lines(*rows: dict[str, str]) -> dict[str, str]:
    """Rows as form fields: {"amount": "1"} -> {"lines[0][amount]": "1"}."""
    form = {}
    for number, row in enumerate(rows):
        for key, value in row.items():
            head, bracket, tail = key.partition("[")
            form[f"lines[{number}][{head}]{bracket}{tail}"] = value
    return form


def with_lines(stripe: Calls, customer: str, *rows: dict[str, str], **form: str) -> Any:
    made = draft(stripe, customer, **form)
    answer = stripe.post(f"invoices/{made['id']}/add_lines", **lines(*rows))
    assert answer.status_code == 200, answer.text
    return answer.json()


def act(stripe: Calls, invoice: Any, what: str, **form: str) -> Any:
    answer = stripe.post(f"invoices/{invoice['id']}/{what}", **form)
    assert answer.status_code == 200, answer.text
    return answer.json()


def opened(stripe: Calls, customer: str, amount: str = "11000", **form: str) -> Any:
    return act(stripe, with_lines(stripe, customer, {"amount": amount}, **form), "finalize")


def rate(stripe: Calls, inclusive: str = "true", percentage: str = "10") -> str:
    answer = stripe.post("tax_rates", display_name="GST", percentage=percentage, inclusive=inclusive, country="AU")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def kinds(stripe: Calls) -> list[str]:
    """Of all events but the payments', oldest first."""
    return [e["type"] for e in billed(stripe)]


def billed(stripe: Calls) -> list[Any]:
    found = stripe.get("events", limit=100)["data"][::-1]
    return [e for e in found if not e["type"].startswith(("payment_intent.", "invoice_payment.", "charge."))]


def refused(stripe: Calls, path: str, **form: str) -> tuple[str, str | None, str | None]:
    """(message, code, parameter) of a 400."""
    status, error = stripe.refusal(path, **form)
    assert status == 400, error
    return error["message"], error.get("code"), error.get("param")


# Drafts


def test_a_draft_begins_empty_and_says_whom_it_is_for(stripe: Calls, customer: str) -> None:
    made = draft(stripe, customer, description="Memo", footer="Thanks", **{"metadata[jobber_invoice_id]": "J1"})
    assert (made["status"], made["number"], made["total"], made["amount_due"]) == ("draft", None, 0, 0)
    assert (made["customer_name"], made["customer_email"]) == ("Ann", "ann@example.com")
    assert (made["auto_advance"], made["billing_reason"], made["effective_at"]) == (False, "manual", None)
    assert made["due_date"] == made["created"] + 14 * DAY
    assert (made["metadata"], made["description"], made["footer"]) == ({"jobber_invoice_id": "J1"}, "Memo", "Thanks")
    assert (made["hosted_invoice_url"], made["invoice_pdf"], made["currency"]) == (None, None, "aud")
    assert made["lines"]["data"] == []
    assert stripe.get(f"invoices/{made['id']}") == made


def test_a_draft_follows_its_customer_until_it_is_final(stripe: Calls, customer: str) -> None:
    made = with_lines(stripe, customer, {"amount": "5000"})
    stripe.post(f"customers/{customer}", name="Bea")
    assert stripe.get(f"invoices/{made['id']}")["customer_name"] == "Bea"
    assert stripe.get("invoices")["data"][0]["customer_name"] == "Bea"
    act(stripe, made, "finalize")
    stripe.post(f"customers/{customer}", name="Cleo", balance="-100")
    found = stripe.get(f"invoices/{made['id']}")
    assert (found["customer_name"], found["amount_due"]) == ("Bea", 5000)


def test_what_a_customer_wants_on_every_invoice_is_on_the_draft(stripe: Calls, customer: str) -> None:
    settings = {"footer": "Pay soon", "custom_fields][0][name": "PO", "custom_fields][0][value": "7"}
    stripe.post(f"customers/{customer}", **{f"invoice_settings[{k}]": v for k, v in settings.items()})
    made = draft(stripe, customer)
    assert (made["footer"], made["custom_fields"]) == ("Pay soon", [{"name": "PO", "value": "7"}])


def test_a_draft_is_edited_and_cleared(stripe: Calls, customer: str) -> None:
    made = draft(stripe, customer, description="A", number="INV-7", **{"custom_fields[0][name]": "PO",
                 "custom_fields[0][value]": "1"})  # fmt: skip
    at = f"invoices/{made['id']}"
    after = stripe.post(at, description="", custom_fields="", footer="F", effective_at="1700000000").json()
    assert (after["description"], after["custom_fields"], after["footer"]) == (None, None, "F")
    assert (after["effective_at"], after["number"]) == (1700000000, "INV-7")
    assert stripe.post(at, effective_at="", number="").json()["effective_at"] is None
    due = str(made["created"] + 30 * DAY)
    assert stripe.post(at, due_date=due).json()["due_date"] == int(due)
    charged = stripe.post(at, collection_method="charge_automatically").json()
    assert (charged["due_date"], charged["collection_method"]) == (None, "charge_automatically")


def test_a_deleted_draft_is_gone(stripe: Calls, customer: str) -> None:
    made = with_lines(stripe, customer, {"amount": "5000"})
    at = f"invoices/{made['id']}"
    assert stripe.send("DELETE", at).json() == {"id": made["id"], "object": "invoice", "deleted": True}
    assert stripe.send("GET", at).status_code == 404
    assert stripe.get("invoices")["data"] == []
    assert kinds(stripe)[-1] == "invoice.deleted"
    item = stripe.get("invoiceitems")["data"][0]["id"]
    assert refused(stripe, f"invoiceitems/{item}", description="x")[0] == "This invoice item has been deleted."


REFUSED_DRAFTS: list[tuple[dict[str, str], str, str | None, str | None]] = [
    ({"customer": "cus_none"}, "No such customer: 'cus_none'", "resource_missing", "customer"),
    ({"days_until_due": ""}, "Invalid integer: ", "parameter_invalid_integer", "days_until_due"),
    ({"collection_method": "charge_automatically"},
     "You can only specify 'due_date' or 'days_until_due' if invoice collection method is 'send_invoice'.", None, None),
    ({"days_until_due": "", "due_date": "1"}, "You may only specify one of", None, None),
    ({"collection_method": "post"}, "Invalid collection_method: must be one of charge_automatically or send_invoice",
     None, "collection_method"),
    ({"description": "x" * 1501}, "Invalid string", None, "description"),
    ({"footer": "x" * 5001}, "Invalid string", None, "footer"),
    ({"number": "x" * 27}, "Invalid string", None, "number"),
    ({"statement_descriptor": "x" * 23}, "Invalid string", None, "statement_descriptor"),
    ({f"custom_fields[{n}][{p}]": "x" for n in range(5) for p in ("name", "value")}, "You may have up to 4 custom",
     None, "custom_fields"),
    ({"custom_fields[0][name]": "x" * 41, "custom_fields[0][value]": "1"}, "Invalid string", None,
     "custom_fields[0][name]"),
    ({"custom_fields[0][name]": "x", "custom_fields[0][value]": "x" * 141}, "Invalid string", None,
     "custom_fields[0][value]"),
    ({"metadata[k]": "v" * 501}, "Metadata values can have up to 500", None, "metadata[k]"),
    ({f"metadata[k{n}]": "1" for n in range(51)}, "Metadata can have up to 50", None, "metadata"),
    ({"auto_advance": "yes"}, "Invalid boolean: yes", None, "auto_advance"),
    ({"default_tax_rates[0]": "txr_none"}, "No such tax rate: 'txr_none'", "resource_missing", "default_tax_rates[0]"),
    ({"pending_invoice_items_behavior": "all"}, "Invalid pending_invoice_items_behavior", None,
     "pending_invoice_items_behavior"),
    ({"currency": "dollars"}, "Invalid string", None, "currency"),
    ({"paid": "true"}, "Received unknown parameter: paid", "parameter_unknown", "paid"),
    ({"automatic_tax[enabled]": "true"}, "The sandbox does not know", None, "automatic_tax"),
    ({"expand[]": "wishes"}, "This property cannot be expanded", None, "expand"),
]  # fmt: skip


@pytest.mark.parametrize(("form", "words", "code", "param"), REFUSED_DRAFTS, ids=[f"{n}" for n in range(21)])
def test_what_stripe_refuses_of_a_draft_leaves_nothing(
    stripe: Calls, customer: str, form: dict[str, str], words: str, code: str | None, param: str | None
) -> None:
    before = kinds(stripe)
    message, *named = refused(stripe, "invoices", **({"customer": customer} | SENT | form))
    assert (message.startswith(words), named) == (True, [code, param]), message
    assert (stripe.get("invoices")["data"], kinds(stripe)) == ([], before)


def test_an_invoice_needs_a_customer_and_one_that_is_sent_a_due_date(stripe: Calls, customer: str) -> None:
    assert refused(stripe, "invoices") == ("Missing required param: customer.", "parameter_missing", "customer")
    words = "If invoice collection method is 'send_invoice', you must specify 'due_date' or 'days_until_due'."
    assert refused(stripe, "invoices", customer=customer, collection_method="send_invoice")[0] == words
    stripe.send("DELETE", f"customers/{customer}")
    assert refused(stripe, "invoices", customer=customer, **SENT)[1] == "resource_missing"


@pytest.mark.parametrize("days", [-400, -1, 0])
def test_a_due_date_in_the_past_is_refused(stripe: Calls, customer: str, days: int) -> None:
    now = int(stripe.running.sandbox.frame.clock.time())
    form = {"customer": customer, "collection_method": "send_invoice", "due_date": str(now + days * DAY)}
    words = "Invalid timestamp: must be an integer Unix timestamp in the future."
    assert refused(stripe, "invoices", **form) == (words, None, "due_date")
    soon = stripe.post("invoices", **(form | {"due_date": str(now + 3600)}))
    assert soon.json()["due_date"] == now + 3600


def test_a_customer_has_one_currency(stripe: Calls, customer: str) -> None:
    assert draft(stripe, customer, currency="NZD")["currency"] == "nzd"
    assert stripe.get(f"customers/{customer}")["currency"] == "nzd"
    words = (
        "You cannot combine currencies on a single customer. This customer has had a subscription, coupon, or invoice"
    )
    assert refused(stripe, "invoices", customer=customer, currency="aud", **SENT)[0].startswith(words)
    assert draft(stripe, customer)["currency"] == "nzd"


# Lines


def test_lines_are_a_quantity_times_a_unit_price_in_whole_cents(stripe: Calls, customer: str) -> None:
    gst = rate(stripe)
    made = with_lines(
        stripe, customer, priced("2070", "1.5", **{"tax_rates[0]": gst, "metadata[jobber_line_id]": "L1"}),
        priced("0.5"), {"amount": "-500", "description": "Discount"},
    )  # fmt: skip
    first, second, third = made["lines"]["data"]
    assert [line["amount"] for line in (first, second, third)] == [3105, 1, -500]
    assert (first["quantity"], first["quantity_decimal"]) == (1, "1.5")
    assert first["pricing"]["unit_amount_decimal"] == "2070"
    assert first["metadata"] == {"jobber_line_id": "L1"}
    assert [(t["amount"], t["tax_behavior"], t["taxable_amount"]) for t in first["taxes"]] == [(282, "inclusive", 2823)]
    assert (made["subtotal"], made["total"], made["total_excluding_tax"]) == (2606, 2606, 2324)
    assert (third["description"], third["discountable"]) == ("Discount", False)
    assert made["total_taxes"][0]["tax_rate_details"] == {"tax_rate": gst}


def test_newer_lines_come_first_and_those_of_one_call_stay_in_order(stripe: Calls, customer: str) -> None:
    made = with_lines(stripe, customer, {"amount": "1"}, {"amount": "2"})
    after = act(stripe, made, "add_lines", **lines({"amount": "3"}, {"amount": "4"}))
    assert [line["amount"] for line in after["lines"]["data"]] == [3, 4, 1, 2]


def test_tax_on_top_and_the_invoices_own_rates(stripe: Calls, customer: str) -> None:
    gst, none = rate(stripe, "false"), rate(stripe, "false", "0")
    made = with_lines(
        stripe, customer, {"amount": "10000"}, {"amount": "5000", "tax_rates[0]": none}, **{"default_tax_rates[0]": gst}
    )
    assert (made["subtotal"], made["total"], made["total_excluding_tax"]) == (15000, 16000, 15000)
    assert {t["tax_rate_details"]["tax_rate"]: t["amount"] for t in made["total_taxes"]} == {gst: 1000, none: 0}
    after = stripe.post(f"invoices/{made['id']}", default_tax_rates="").json()
    assert (after["total"], after["default_tax_rates"]) == (15000, [])
    assert stripe.get(f"invoices/{made['id']}/lines")["data"][0]["taxes"] == []


def test_lines_are_changed_and_taken_away(stripe: Calls, customer: str) -> None:
    made = with_lines(stripe, customer, priced("1000", "2"), {"amount": "300"})
    first, second = (line["id"] for line in made["lines"]["data"])
    after = act(stripe, made, "update_lines", **lines({"id": first, "quantity_decimal": "2.5", "description": "New"}))
    assert [(li["amount"], li["description"]) for li in after["lines"]["data"]] == [(2500, "New"), (300, None)]
    one = stripe.post(f"invoices/{made['id']}/lines/{second}", amount="400").json()
    assert (one["object"], one["id"], one["amount"]) == ("line_item", second, 400)
    left = act(stripe, made, "remove_lines", **lines({"id": first, "behavior": "delete"}))
    assert ([line["id"] for line in left["lines"]["data"]], left["total"]) == ([second], 400)
    act(stripe, made, "remove_lines", **lines({"id": second, "behavior": "unassign"}))
    assert [i["amount"] for i in stripe.get("invoiceitems", pending="true")["data"]] == [400]
    assert "invoice.updated" in kinds(stripe)
    assert kinds(stripe).count("invoiceitem.deleted") == 1


def test_metadata_of_the_invoice_goes_with_the_lines(stripe: Calls, customer: str) -> None:
    made = draft(stripe, customer, **{"metadata[a]": "1"})
    after = act(stripe, made, "add_lines", **lines({"amount": "1"}), **{"invoice_metadata[b]": "2"})
    assert after["metadata"] == {"a": "1", "b": "2"}


def test_250_lines_and_no_more_the_invoice_shows_ten(stripe: Calls, customer: str) -> None:
    made = with_lines(stripe, customer, *(priced("100", **{"metadata[n]": str(n)}) for n in range(250)))
    assert (made["total"], len(made["lines"]["data"]), made["lines"]["has_more"]) == (25000, 10, True)
    found: list[str] = []
    page = stripe.get(f"invoices/{made['id']}/lines", limit=100)
    while True:
        found += [row["metadata"]["n"] for row in page["data"]]
        if not page["has_more"]:
            break
        page = stripe.get(f"invoices/{made['id']}/lines", limit=100, starting_after=page["data"][-1]["id"])
    assert found == [str(n) for n in range(250)]
    last = stripe.get(f"invoices/{made['id']}/lines", limit=2, ending_before=page["data"][-1]["id"])["data"]
    assert [row["metadata"]["n"] for row in last] == ["247", "248"]
    assert refused(stripe, f"invoices/{made['id']}/add_lines", **lines({"amount": "1"}))[2] == "lines"
    assert stripe.get(f"invoices/{made['id']}")["total"] == 25000


REFUSED_LINES: list[tuple[dict[str, str], str, str]] = [
    ({"amount": "5", "quantity": "2"}, "You may only specify one of these parameters: amount, quantity.", "[amount]"),
    ({"quantity": "2"}, "Missing required param", "[amount]"),
    ({"amount": "1.5"}, "Invalid integer: 1.5", "[amount]"),
    ({"amount": "1", "unit_amount_decimal": "1"}, "Received unknown parameter", "[unit_amount_decimal]"),
    ({"amount": "1", "description": "x" * 5001}, "Invalid string", "[description]"),
    ({"amount": "1", "tax_rates[0]": "txr_none"}, "No such tax rate", "[tax_rates][0]"),
    ({"amount": "1", "metadata[k]": "v" * 501}, "Metadata values can have", "metadata[k]"),
    (priced("1", "-1"), "Invalid quantity_decimal", "[quantity_decimal]"),
    (priced("1", "0." + "1" * 13), "Invalid decimal", "[quantity_decimal]"),
    (priced("NaN"), "Invalid decimal", "[price_data][unit_amount_decimal]"),
    (priced("1") | {"price_data[currency]": "usd"}, "The currency of the price", "[price_data][currency]"),
    ({"price_data[currency]": "aud", "price_data[unit_amount]": "1"}, "Missing required", "[price_data][product]"),
    ({"amount": "1", "period[start]": "2", "period[end]": "1"}, "The end of a period", "[period][end]"),
    ({"invoice_item": "ii_none"}, "No such invoiceitem", "[invoice_item]"),
]


@pytest.mark.parametrize(("row", "words", "param"), REFUSED_LINES, ids=[p + w[:12] for _, w, p in REFUSED_LINES])
def test_a_line_that_is_refused_takes_the_others_with_it(
    stripe: Calls, customer: str, row: dict[str, str], words: str, param: str
) -> None:
    made = draft(stripe, customer)
    message, _, named = refused(stripe, f"invoices/{made['id']}/add_lines", **lines({"amount": "1"}, row))
    assert (message.startswith(words), named) == (True, param if "metadata" in param else f"lines[1]{param}"), message
    assert stripe.get(f"invoices/{made['id']}") == made
    assert stripe.get("invoiceitems")["data"] == []


def test_taking_a_line_away_needs_its_id_and_where_it_goes(stripe: Calls, customer: str) -> None:
    made = with_lines(stripe, customer, {"amount": "1"})
    at, identity = f"invoices/{made['id']}/remove_lines", made["lines"]["data"][0]["id"]
    assert refused(stripe, at, **lines({"id": identity}))[1:] == ("parameter_missing", "lines[0][behavior]")
    assert refused(stripe, at, **lines({"behavior": "delete"}))[1:] == ("parameter_missing", "lines[0][id]")
    assert stripe.post(at, **lines({"id": "il_none", "behavior": "delete"})).status_code == 404
    assert refused(stripe, at)[2] == "lines"


def test_items_wait_for_the_next_invoice_or_go_on_a_draft(stripe: Calls, customer: str) -> None:
    for amount in ("100", "200"):
        assert stripe.post("invoiceitems", customer=customer, amount=amount, currency="aud").status_code == 200
    assert draft(stripe, customer)["total"] == 0
    made = draft(stripe, customer, pending_invoice_items_behavior="include")
    assert [line["amount"] for line in made["lines"]["data"]] == [200, 100]
    item = stripe.post("invoiceitems", customer=customer, invoice=made["id"], unit_amount_decimal="33.3", quantity="3")
    assert (item.json()["amount"], item.json()["invoice"], item.json()["currency"]) == (100, made["id"], "aud")
    at = f"invoiceitems/{item.json()['id']}"
    assert stripe.get(f"invoices/{made['id']}")["total"] == 400
    assert stripe.post(at, quantity_decimal="4", description="D").json()["amount"] == 133
    assert stripe.get(f"invoices/{made['id']}")["total"] == 433
    assert stripe.get("invoiceitems", invoice=made["id"], limit=1)["data"][0]["id"] == item.json()["id"]
    assert stripe.send("DELETE", at).json()["deleted"]
    assert stripe.send("GET", at).status_code == 404
    assert stripe.get(f"invoices/{made['id']}")["total"] == 300
    assert stripe.get("invoiceitems", pending="true")["data"] == []


# Final


def test_a_final_invoice_has_a_number_a_page_and_what_is_due(stripe: Calls, customer: str) -> None:
    first, second = opened(stripe, customer), opened(stripe, customer)
    assert [i["number"] for i in (first, second)] == ["ANN1-0001", "ANN1-0002"]
    assert (first["status"], first["amount_due"], first["amount_remaining"]) == ("open", 11000, 11000)
    assert first["hosted_invoice_url"].startswith(f"{stripe.url}/i/acct_1SandboxEmptyCo3/test_")
    assert first["invoice_pdf"] == f"{first['hosted_invoice_url']}/pdf"
    assert first["effective_at"] == first["status_transitions"]["finalized_at"]
    assert (first["attempted"], first["ending_balance"]) == (False, 0)
    assert stripe.get(f"customers/{customer}")["next_invoice_sequence"] == 3


def test_a_number_of_ones_own_is_unique_and_uses_up_none_of_stripes(stripe: Calls, customer: str) -> None:
    assert opened(stripe, customer, number="J-1042")["number"] == "J-1042"
    assert refused(stripe, "invoices", customer=customer, number="J-1042", **SENT)[2] == "number"
    assert opened(stripe, customer)["number"] == "ANN1-0001"


FROZEN = ["footer", "number", "due_date", "collection_method", "custom_fields", "default_tax_rates", "effective_at"]


def test_when_final_only_metadata_and_the_memo_change(stripe: Calls, customer: str) -> None:
    made = opened(stripe, customer)
    at = f"invoices/{made['id']}"
    words = "Finalized invoices can't be updated in this way"
    for param in FROZEN:
        assert refused(stripe, at, **{param: ""}) == (words, None, param)
    assert stripe.post(at, description="Memo", **{"metadata[a]": "1"}).json()["description"] == "Memo"
    act(stripe, made, "void")
    assert refused(stripe, at, description="x") == (words, None, "description")
    assert stripe.post(at, **{"metadata[a]": "2"}).json()["metadata"] == {"a": "2"}


def test_when_final_its_lines_stay(stripe: Calls, customer: str) -> None:
    made = opened(stripe, customer)
    line, at = made["lines"]["data"][0]["id"], f"invoices/{made['id']}"
    item = stripe.get("invoiceitems")["data"][0]["id"]
    code = "invoice_not_editable"
    assert refused(stripe, f"{at}/add_lines", **lines({"amount": "1"}))[1] == code
    assert refused(stripe, f"{at}/update_lines", **lines({"id": line, "amount": "1"}))[1] == code
    assert refused(stripe, f"{at}/remove_lines", **lines({"id": line, "behavior": "delete"}))[1] == code
    assert refused(stripe, f"{at}/lines/{line}", amount="1")[1] == code
    assert refused(stripe, f"invoiceitems/{item}", amount="1")[1] == code
    assert stripe.send("DELETE", f"invoiceitems/{item}").json()["error"]["code"] == code
    assert refused(stripe, "invoiceitems", customer=customer, invoice=made["id"], amount="1")[1] == code
    assert stripe.get(at) == made


NOT_OPEN = "You can only pass in open invoices. This invoice isn't open."
FINAL = "This invoice is already finalized, you can't re-finalize a non-draft invoice."
MOVES: list[tuple[str, str, str]] = [
    ("draft", "void", NOT_OPEN), ("draft", "mark_uncollectible", NOT_OPEN), ("open", "finalize", FINAL),
    ("void", "void", NOT_OPEN), ("void", "mark_uncollectible", NOT_OPEN), ("void", "finalize", FINAL),
    ("void", "send", "This invoice cannot be sent right now."),
    ("paid", "void", "Invoices with `paid` payments cannot be voided."), ("paid", "mark_uncollectible", NOT_OPEN),
    ("paid", "send", "This invoice cannot be sent right now."),
    ("uncollectible", "mark_uncollectible", "This invoice has already been marked uncollectible."),
]  # fmt: skip


def in_state(stripe: Calls, customer: str, state: str) -> Any:
    if state == "draft":
        return with_lines(stripe, customer, {"amount": "11000"})
    made = opened(stripe, customer, "0" if state == "paid" else "11000")
    verb = {"void": "void", "uncollectible": "mark_uncollectible"}.get(state)
    return act(stripe, made, verb) if verb else made


@pytest.mark.parametrize(("state", "verb", "words"), MOVES, ids=[f"{s}-{v}" for s, v, _ in MOVES])
def test_moves_that_stripe_does_not_make(stripe: Calls, customer: str, state: str, verb: str, words: str) -> None:
    made = in_state(stripe, customer, state)
    assert made["status"] == state
    before = kinds(stripe)
    assert refused(stripe, f"invoices/{made['id']}/{verb}")[0].startswith(words)
    assert stripe.get(f"invoices/{made['id']}") == made
    assert kinds(stripe) == before


@pytest.mark.parametrize("state", ["open", "paid", "void", "uncollectible"])
def test_only_drafts_are_deleted(stripe: Calls, customer: str, state: str) -> None:
    made = in_state(stripe, customer, state)
    answer = stripe.send("DELETE", f"invoices/{made['id']}")
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "You can only delete draft invoices.")


def test_an_open_invoice_is_given_up_and_then_voided(stripe: Calls, customer: str) -> None:
    made = opened(stripe, customer)
    bad = act(stripe, made, "mark_uncollectible")
    assert bad["status_transitions"]["marked_uncollectible_at"]
    void = act(stripe, made, "void")
    assert (void["status"], void["amount_due"], void["amount_remaining"]) == ("void", 11000, 11000)
    assert void["status_transitions"]["voided_at"]
    assert kinds(stripe)[-4:] == [
        "invoice.updated", "invoice.marked_uncollectible", "invoice.updated", "invoice.voided",
    ]  # fmt: skip


def test_sending_a_draft_makes_it_final_and_sends_no_mail(stripe: Calls, customer: str) -> None:
    made = with_lines(stripe, customer, {"amount": "11000"})
    sent = act(stripe, made, "send")
    assert sent["status"] == "open"
    assert act(stripe, made, "send") == sent
    assert kinds(stripe)[-2:] == ["invoice.sent", "invoice.sent"]
    other = with_lines(stripe, customer, {"amount": "11000"})
    stripe.post(f"invoices/{other['id']}", collection_method="charge_automatically")
    assert "manually send" in refused(stripe, f"invoices/{other['id']}/send")[0]


@pytest.mark.parametrize(("amount", "balance"), [("0", 0), ("49", 49), ("-4400", -4400)])
def test_too_little_to_charge_is_paid_at_once_and_moved_to_the_balance(
    stripe: Calls, customer: str, amount: str, balance: int
) -> None:
    made = opened(stripe, customer, amount)
    assert (made["status"], made["amount_due"], made["amount_paid"], made["amount_remaining"]) == ("paid", 0, 0, 0)
    assert (made["total"], made["ending_balance"], made["attempted"]) == (int(amount), balance, True)
    assert made["status_transitions"]["paid_at"]
    assert stripe.get(f"customers/{customer}")["balance"] == balance
    assert kinds(stripe)[-3:] == ["invoice.finalized", "invoice.paid", "invoice.payment_succeeded"]


def test_fifty_cents_are_charged(stripe: Calls, customer: str) -> None:
    assert opened(stripe, customer, "50")["status"] == "open"


def test_more_than_eight_digits_are_not(stripe: Calls, customer: str) -> None:
    made = with_lines(stripe, customer, {"amount": "100000000"})
    assert refused(stripe, f"invoices/{made['id']}/finalize")[1] == "amount_too_large"
    assert stripe.get(f"invoices/{made['id']}")["status"] == "draft"
    assert opened(stripe, customer, "99999999")["amount_due"] == 99999999


def test_a_customers_balance_is_used_and_comes_back_with_a_void(stripe: Calls, customer: str) -> None:
    stripe.post(f"customers/{customer}", balance="-1000")
    made = opened(stripe, customer)
    assert (made["starting_balance"], made["ending_balance"]) == (-1000, 0)
    assert (made["total"], made["amount_due"]) == (11000, 10000)
    assert stripe.get(f"customers/{customer}")["balance"] == 0
    act(stripe, made, "void")
    assert stripe.get(f"customers/{customer}")["balance"] == -1000


def test_an_invoice_nobody_has_is_a_404_that_names_the_parameter_as_stripe_does(stripe: Calls) -> None:
    for verb, param in (("finalize", "id"), ("void", "id"), ("mark_uncollectible", "id"), ("send", "invoice")):
        answer = stripe.post(f"invoices/in_none/{verb}")
        assert (answer.status_code, answer.json()["error"]["param"]) == (404, param)
    for method, param in (("GET", "invoice"), ("DELETE", "invoice"), ("POST", "id")):
        answer = stripe.send(method, "invoices/in_none")
        assert (answer.status_code, answer.json()["error"]["param"]) == (404, param)
        assert answer.json()["error"]["message"] == "No such invoice: 'in_none'"


# Lists and time


def test_invoices_are_listed_newest_first_and_filtered(stripe: Calls, customer: str) -> None:
    other = str(stripe.create(name="Bob")["id"])
    first, second, third = opened(stripe, customer), draft(stripe, other), draft(stripe, customer)
    ids = [i["id"] for i in (third, second, first)]

    def listed(**params: Any) -> list[str]:
        return [i["id"] for i in stripe.get("invoices", **params)["data"]]

    assert listed() == ids
    assert listed(customer=customer) == [ids[0], ids[2]]
    assert listed(status="open") == [ids[2]]
    assert listed(starting_after=ids[0], limit=1) == [ids[1]]
    assert listed(ending_before=ids[2]) == ids[:2]
    assert listed(**{"created[gt]": third["created"]}) == []
    assert listed(collection_method="charge_automatically") == []
    assert listed(**{"due_date[lte]": first["due_date"] + 60}) == ids
    assert refused_list(stripe, status="unpaid") == (
        "Invalid status: must be one of draft, open, void, paid, or uncollectible"
    )
    assert listed(subscription="sub_1") == []


def refused_list(stripe: Calls, **params: str) -> str:
    answer = stripe.send("GET", "invoices", params=params)
    assert answer.status_code == 400
    return str(answer.json()["error"]["message"])


def test_the_customer_comes_along_when_it_is_expanded(stripe: Calls, customer: str) -> None:
    made = opened(stripe, customer)
    found = stripe.get("invoices", **{"expand[0]": "data.customer", "expand[1]": "data.payments"})["data"][0]
    assert found["customer"]["name"] == "Ann"
    assert found["payments"]["object"] == "list"
    assert stripe.get(f"invoices/{made['id']}", **{"expand[]": "customer"})["customer"]["id"] == customer


def test_an_open_invoice_becomes_overdue_once(stripe: Calls, customer: str) -> None:
    made, paid = opened(stripe, customer), opened(stripe, customer, "0")
    stripe.forward(14 * DAY - 60)
    assert "invoice.overdue" not in kinds(stripe)
    stripe.forward(61)
    eventually(lambda: "invoice.overdue" in kinds(stripe))
    stripe.forward(DAY)
    stripe.post(f"invoices/{made['id']}", **{"metadata[a]": "1"})
    told = stripe.get("events", type="invoice.overdue")["data"]
    assert [e["data"]["object"]["id"] for e in told] == [made["id"]]
    assert told[0]["request"] == {"id": None, "idempotency_key": None}
    assert paid["status"] == "paid"


def test_a_draft_that_goes_on_by_itself_is_final_after_an_hour(stripe: Calls, customer: str) -> None:
    made = with_lines(stripe, customer, {"amount": "11000"}, auto_advance="true")
    assert made["automatically_finalizes_at"] == made["created"] + 3601
    other = with_lines(stripe, customer, {"amount": "11000"}, auto_advance="true")
    stripe.post(f"invoices/{other['id']}", auto_advance="false")
    stripe.forward(3605)
    eventually(lambda: stripe.get(f"invoices/{made['id']}")["status"] == "open")
    assert kinds(stripe)[-2:] == ["invoice.finalized", "invoice.sent"]
    assert stripe.get(f"invoices/{other['id']}")["status"] == "draft"


def test_the_sandbox_watches_due_dates_after_a_restart(stripe: Calls, customer: str, tmp_path: Any) -> None:
    path = tmp_path / "state.json"
    with running({"SANDBOX_LIMITS": "off"}, seed="empty", path=path) as first:
        calls = Calls(first, EMPTY)
        made = opened(calls, str(calls.create(name="Ann")["id"]))
    with running({"SANDBOX_LIMITS": "off"}, path=path) as second:
        again = Calls(second, EMPTY)
        assert again.get(f"invoices/{made['id']}") == made
        assert len(again.get(f"invoices/{made['id']}/lines")["data"]) == 1
        again.forward(15 * DAY)
        eventually(lambda: "invoice.overdue" in kinds(again))


# Events, keys


def test_every_step_is_told_with_what_was_there_before_and_under_whose_key(stripe: Calls, customer: str) -> None:
    made = stripe.post("invoices", "key-1", customer=customer, **SENT).json()
    at = f"invoices/{made['id']}"
    stripe.post(f"{at}/add_lines", "key-2", **lines({"amount": "11000"}))
    stripe.post(f"{at}/finalize", "key-3")
    events = [(e["type"], e["request"]["idempotency_key"]) for e in billed(stripe)]
    assert events[1:] == [
        ("customer.updated", "key-1"), ("invoice.created", "key-1"), ("invoiceitem.created", "key-2"),
        ("invoice.updated", "key-2"), ("customer.updated", "key-3"), ("invoice.updated", "key-3"),
        ("invoice.finalized", "key-3"),
    ]  # fmt: skip
    told = [e["data"]["previous_attributes"] for e in stripe.get("events", type="invoice.updated")["data"]]
    assert (told[0]["status"], told[0]["number"], told[1]["total"]) == ("draft", None, 0)
    assert stripe.post(at).status_code == 200
    assert len(stripe.get("events", type="invoice.updated")["data"]) == 2


def test_what_was_done_under_a_key_is_done_once(stripe: Calls, customer: str) -> None:
    form = {"customer": customer, **SENT}
    made = stripe.post("invoices", "a", **form).json()
    assert stripe.post("invoices", "a", **form).json() == made
    at, rows = f"invoices/{made['id']}", lines({"amount": "11000"})
    for _ in range(2):
        assert stripe.post(f"{at}/add_lines", "b", **rows).json()["total"] == 11000
    first, again = stripe.post(f"{at}/finalize", "c"), stripe.post(f"{at}/finalize", "c")
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    error = stripe.post(f"{at}/void", "c").json()["error"]
    assert (error["type"], "finalize with POST" in error["message"]) == ("idempotency_error", True)
    assert len(stripe.get("invoices")["data"]) == 1


@pytest.mark.parametrize(
    ("operation", "path"),
    [("POST invoices", "invoices"), ("POST invoice/{id}/add_lines", "add_lines"),
     ("POST invoice/{id}/finalize", "finalize"), ("POST invoice/{id}/void", "void")],
)  # fmt: skip
def test_faults_hit_an_operation_by_its_name(stripe: Calls, customer: str, operation: str, path: str) -> None:
    made = with_lines(stripe, customer, {"amount": "11000"})
    stripe.running.sandbox.frame.faults.add("500_after", service="stripe", operation=operation)
    rows = lines({"amount": "1"}) if path == "add_lines" else {}
    form = {"customer": customer, **SENT} if path == "invoices" else rows
    at = path if path == "invoices" else f"invoices/{made['id']}/{path}"
    if path == "void":
        act(stripe, made, "finalize")
    assert stripe.post(at, "k", **form).status_code == 500
    assert stripe.post(at, "k", **form).status_code == 500
    after = stripe.get(f"invoices/{made['id']}")
    assert len(stripe.get("invoices")["data"]) == (2 if path == "invoices" else 1)
    assert (after["status"], after["total"]) == {
        "invoices": ("draft", 11000), "add_lines": ("draft", 11001), "finalize": ("open", 11000),
        "void": ("void", 11000),
    }[path]  # fmt: skip


def test_a_key_that_only_reads_is_told_what_it_would_need(stripe: Calls) -> None:
    reader = stripe.as_("rk_test_sandbox_3_read")
    assert reader.get("invoices")["data"] == []
    for path, needs in (("invoices", "rak_invoice_write"), ("invoiceitems", "rak_invoice_write"),
                        ("invoices/in_1/finalize", "rak_invoice_write"), ("tax_rates", "rak_tax_rate_write"),
                        ("credit_notes", "rak_credit_note_write"), ("customers", "rak_customer_write")):  # fmt: skip
        answer = reader.post(path)
        assert answer.status_code == 403
        assert f"'{needs}'" in answer.json()["error"]["message"]


# Tax rates


def test_a_tax_rate_keeps_its_percentage(stripe: Calls) -> None:
    identity = rate(stripe, percentage="9.975")
    made = stripe.get(f"tax_rates/{identity}")
    assert (made["percentage"], made["inclusive"], made["country"], made["active"]) == (9.975, True, "AU", True)
    at = f"tax_rates/{identity}"
    assert stripe.post(at, display_name="QST", active="false", **{"metadata[a]": "1"}).json()["display_name"] == "QST"
    for param, value in (("percentage", "10"), ("inclusive", "false")):
        assert refused(stripe, at, **{param: value})[1:] == ("parameter_unknown", param)
    assert refused(stripe, at, country="NZ")[2] == "country"
    assert kinds(stripe) == ["tax_rate.created", "tax_rate.updated"]
    assert refused(stripe, "invoices", customer=str(stripe.create(name="A")["id"]), **SENT,
                   **{"default_tax_rates[0]": identity})[0] == f"The tax rate {identity} is not active."  # fmt: skip


def test_tax_rates_are_listed_and_refused(stripe: Calls) -> None:
    inside, on_top = rate(stripe), rate(stripe, "false")
    assert [r["id"] for r in stripe.get("tax_rates")["data"]] == [on_top, inside]
    assert [r["id"] for r in stripe.get("tax_rates", inclusive="true", active="true")["data"]] == [inside]
    assert stripe.send("GET", "tax_rates/txr_none").json()["error"]["message"] == "No such tax rate: 'txr_none'"
    whole = {"display_name": "GST", "percentage": "10", "inclusive": "true"}
    for param in whole:
        assert refused(stripe, "tax_rates", **{k: v for k, v in whole.items() if k != param})[2] == param
    for percentage in ("101", "-1", "1.23456", "ten"):
        assert refused(stripe, "tax_rates", **(whole | {"percentage": percentage}))[2] == "percentage"
    assert refused(stripe, "tax_rates", **(whole | {"display_name": "x" * 51}))[2] == "display_name"


# Credit notes


def test_a_credit_note_takes_off_what_is_due(stripe: Calls, customer: str) -> None:
    made = opened(stripe, customer)
    note = stripe.post("credit_notes", invoice=made["id"], amount="1000", reason="order_change", memo="Sorry").json()
    assert (note["number"], note["type"], note["status"]) == ("ANN1-0001-CN-01", "pre_payment", "issued")
    after = stripe.get(f"invoices/{made['id']}")
    assert (after["amount_due"], after["amount_remaining"], after["total"]) == (10000, 10000, 11000)
    assert after["pre_payment_credit_notes_amount"] == 1000
    assert stripe.post(f"credit_notes/{note['id']}/void").json()["status"] == "void"
    assert stripe.get(f"invoices/{made['id']}")["amount_remaining"] == 11000
    stripe.post("credit_notes", invoice=made["id"], amount="11000")
    assert stripe.get(f"invoices/{made['id']}")["status"] == "paid"
    assert [n["amount"] for n in stripe.get("credit_notes", invoice=made["id"])["data"]] == [11000, 1000]
    assert stripe.get(f"credit_notes/{note['id']}")["memo"] == "Sorry"


def test_a_credit_note_for_a_paid_invoice_says_where_the_money_goes(stripe: Calls, customer: str) -> None:
    stripe.post(f"customers/{customer}", balance="-20000")
    made = opened(stripe, customer)
    assert made["status"] == "paid"
    assert refused(stripe, "credit_notes", invoice=made["id"], amount="1000")[2] == "credit_amount"
    note = stripe.post("credit_notes", invoice=made["id"], amount="1000", credit_amount="600", out_of_band_amount="400")
    assert note.json()["post_payment_amount"] == 1000
    assert stripe.get(f"customers/{customer}")["balance"] == -9600
    assert stripe.get(f"invoices/{made['id']}")["post_payment_credit_notes_amount"] == 1000
    assert refused(stripe, f"credit_notes/{note.json()['id']}/void")[0].startswith("You can only void")
    assert refused(stripe, "credit_notes", invoice=made["id"], amount="10001", credit_amount="10001")[2] == "amount"
    waiting = with_lines(stripe, customer, {"amount": "1"})
    assert refused(stripe, "credit_notes", invoice=waiting["id"], amount="1")[2] == "invoice"
    assert refused(stripe, "credit_notes", invoice="in_none", amount="1")[1] == "resource_missing"
