"""Pages on which a person writes invoices, takes payments and closes the books, as in Jobber."""

from collections.abc import Callable, Mapping
from math import ceil
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from connectors.jobber.sandbox import customfields, forms, invoice_forms, invoice_lists, invoices, payments
from connectors.jobber.sandbox.accounts import Account, Accounts
from connectors.jobber.sandbox.clients import Wrong
from connectors.jobber.sandbox.ids import encoded
from connectors.jobber.sandbox.invoices import Invoice
from connectors.jobber.sandbox.invoicing import Invoicing
from connectors.sandbox import pages

PER_PAGE = 25
#: Kinds of payment that a person records, with words for people.
KINDS = {"PAYMENT": "Payment", "DEPOSIT": "Deposit", "REFUND": "Refund", "FAILED_ACH_PAYMENT": "Failed bank debit"}
METHODS = {
    "BANK_TRANSFER": "Bank transfer", "CASH": "Cash", "CHEQUE": "Cheque", "CREDIT_CARD": "Card, taken elsewhere",
    "JOBBER_PAYMENTS": "Card, by Jobber Payments", "EPAYMENT": "Online, by another gateway", "OTHER": "Other",
}  # fmt: skip
STATUS_WORDS = {
    "draft": "Draft", "awaiting_payment": "Awaiting payment", "past_due": "Past due", "paid": "Paid",
    "bad_debt": "Bad debt", "sent_not_due": "Sent, not due", "voided": "Voided",
}  # fmt: skip
type Form = Mapping[str, str]
type Act = Callable[[Account, Invoice, Form], str]


class InvoicePages:
    def __init__(self, accounts: Accounts, invoicing: Invoicing) -> None:
        self._accounts, self._invoicing = accounts, invoicing

    def routes(self) -> list[Route]:
        every = "/accounts/{account}/invoices"
        return [
            Route(every, self._list),
            Route(every + "/new", self._new, methods=["GET", "POST"]),
            Route(every + "/{invoice:int}", self._invoice, methods=["GET", "POST"]),
            Route(every + "/{invoice:int}/{act}", self._act, methods=["POST"]),
        ]

    async def _list(self, request: Request) -> Response:
        account = self._accounts.get(request.path_params["account"])
        if account is None:
            return _missing("account")
        asked = request.query_params
        term, state = asked.get("q", "").strip(), asked.get("status", "")
        found = self._found(account, term.casefold(), state)
        most = max(1, ceil(len(found) / PER_PAGE))
        number = asked.get("page", "1")
        page = min(max(1, int(number) if number.isdecimal() else 1), most)
        return pages.render(
            "jobber/invoices.html", account=account, rows=found[(page - 1) * PER_PAGE : page * PER_PAGE], term=term,
            state=state, words=STATUS_WORDS, count=len(found), number=page, most=most, day=invoice_forms.day,
            link=lambda page: "?" + urlencode({"q": term, "status": state, "page": page}),
            done=asked.get("done", ""),
        )  # fmt: skip

    def _found(self, account: Account, term: str, state: str) -> list[tuple[Invoice, str, str]]:
        """(invoice, status, client's name), newest first."""
        now, found = self._invoicing.now(), []
        for invoice in reversed(account["invoices"].values()):
            status = invoices.status(invoice, now)
            if (not state or status == state) and term in invoice_lists.text_of(account, invoice):
                client = account["clients"].get(invoice["clientId"])
                found.append((invoice, status, client["name"] if client else "(deleted client)"))
        return found

    async def _new(self, request: Request) -> Response:
        account = self._accounts.get(request.path_params["account"])
        if account is None:
            return _missing("account")
        if request.method == "GET":
            return self._page(account, None, client=request.query_params.get("client", ""))
        form = await _form(request)
        try:
            client = invoice_forms.client(account, form.get("client", ""))
            made = self._invoicing.add(account, invoice_forms.given(form, account, None) | {"clientId": client["id"]})
        except Wrong as wrong:
            return self._page(account, None, wrong.message, client=form.get("client", ""))
        return RedirectResponse(_place(account, made) + "?done=added", 303)

    async def _invoice(self, request: Request) -> Response:
        account, invoice = self._one(request)
        if account is None or invoice is None:
            return _missing("invoice")
        if request.method == "GET":
            return self._page(account, invoice, done=request.query_params.get("done", ""))
        try:
            self._invoicing.edit(account, invoice, invoice_forms.given(await _form(request), account, invoice))
        except Wrong as wrong:
            return self._page(account, invoice, wrong.message)
        return RedirectResponse(_place(account, invoice) + "?done=saved", 303)

    async def _act(self, request: Request) -> Response:
        account, invoice = self._one(request)
        act = self._acts().get(request.path_params["act"])
        if account is None or invoice is None or act is None:
            return _missing("invoice")
        try:
            done = act(account, invoice, await _form(request))
        except Wrong as wrong:
            return self._page(account, invoice, wrong.message)
        here = f"/jobber/accounts/{account['number']}/invoices" if done == "destroyed" else _place(account, invoice)
        return RedirectResponse(f"{here}?done={done}", 303)

    def _acts(self) -> Mapping[str, Act]:
        return {
            "send": self._send, "close": self._close, "reopen": self._reopen, "status": self._status,
            "destroy": self._destroy, "pay": self._pay, "payment": self._payment, "note": self._note,
        }  # fmt: skip

    def _send(self, account: Account, invoice: Invoice, form: Form) -> str:
        self._invoicing.mark_sent(account, invoice)
        return "sent"

    def _close(self, account: Account, invoice: Invoice, form: Form) -> str:
        self._invoicing.close(account, invoice, form.get("option", ""))
        return "closed"

    def _reopen(self, account: Account, invoice: Invoice, form: Form) -> str:
        if invoice["closed"] == invoices.BAD_DEBT:
            self._invoicing.unmark_bad_debt(account, invoice)
        else:
            self._invoicing.reopen(account, invoice)
        return "reopened"

    def _status(self, account: Account, invoice: Invoice, form: Form) -> str:
        status = form.get("status", "")
        self._invoicing.set_by_hand(account, invoice, status if status in invoices.BY_HAND else "")
        return "saved"

    def _destroy(self, account: Account, invoice: Invoice, form: Form) -> str:
        self._invoicing.destroy(account, invoice)
        return "destroyed"

    def _pay(self, account: Account, invoice: Invoice, form: Form) -> str:
        self._invoicing.pay(account, invoice["id"], invoice_forms.payment(form))
        return "paid"

    def _payment(self, account: Account, invoice: Invoice, form: Form) -> str:
        """Change the amount of a payment, or remove it."""
        payment_id = form.get("payment", "")
        if form.get("do") == "remove":
            self._invoicing.remove_payment(account, payment_id)
            return "removed"
        self._invoicing.change_payment(account, payment_id, forms.number(form.get("amount", ""), "Amount"))
        return "saved"

    def _note(self, account: Account, invoice: Invoice, form: Form) -> str:
        """A new note, or an old one changed."""
        if form.get("note"):
            self._invoicing.edit_note(account, {"noteId": form["note"], "message": form.get("message", "")})
        else:
            self._invoicing.note(account, invoice["id"], {"message": form.get("message", "")})
        return "noted"

    def _one(self, request: Request) -> tuple[Account | None, Invoice | None]:
        account = self._accounts.get(request.path_params["account"])
        invoice_id = encoded("Invoice", request.path_params["invoice"])
        return account, account["invoices"].get(invoice_id) if account else None

    def _page(
        self, account: Account, invoice: Invoice | None, error: str = "", done: str = "", client: str = ""
    ) -> Response:
        configs = customfields.of(account["configs"], "ALL_INVOICES")
        return pages.render(
            "jobber/invoice.html", 400 if error else 200, account=account, invoice=invoice or {}, error=error,
            done=done, form=invoice_forms.shown(invoice), asked_client=client, day=invoice_forms.day,
            custom=customfields.shown(configs, invoice["custom"] if invoice else {}), words=STATUS_WORDS,
            standing=invoices.status(invoice, self._invoicing.now()) if invoice else "", by_hand=invoices.BY_HAND,
            client=account["clients"].get(invoice["clientId"]) if invoice else None, kinds=KINDS, methods=METHODS,
            payments=payments.of(account, invoice) if invoice else [],
            notes=invoice_forms.notes(account, invoice) if invoice else [],
            jobs=[account["jobs"][job_id] for job_id in invoice["jobs"]] if invoice else [],
        )  # fmt: skip


async def _form(request: Request) -> dict[str, str]:
    return {k: str(v) for k, v in (await request.form()).items()}


def _place(account: Account, invoice: Invoice) -> str:
    return f"/jobber/accounts/{account['number']}/invoices/{invoice['count']}"


def _missing(what: str) -> Response:
    return pages.render("missing.html", 404, what=what)
