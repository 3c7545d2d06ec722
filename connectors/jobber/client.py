"""A session with one Jobber account: clients, invoices and the notes on them."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from connectors.base import Account, Budget, Check, Credentials, Data, Field, Page, Record, Session, WriteResult
from connectors.errors import (
    AuthError,
    ConnectorError,
    MissingError,
    RateLimited,
    RejectedError,
    ScopeError,
    UnknownOutcome,
)
from connectors.http import Http
from connectors.jobber import documents, notes, records, writing
from connectors.jobber.asking import Asking, words
from connectors.jobber.reading import KINDS, RESERVE, Reading

_ADD_SCOPE = "Add the scope to the app in Jobber's Developer Center, and connect again."


class JobberSession(Session):
    def __init__(self, credentials: Credentials, http: Http, *, url: str, version: str) -> None:
        self.credentials, self._version = credentials, version
        self._asking = Asking(credentials, http, url=url, version=version)
        self._reading = Reading(self._asking)

    def account(self) -> Account:
        found = self._asking.ask(documents.text("account"), {}, cost=4)["account"]
        if not found:
            raise AuthError("Jobber does not say which account this is: connect it again.")
        return Account(
            str(found["id"]), str(found["name"]), found.get("countryCode") or "", url="https://secure.getjobber.com/"
        )

    # What it may do

    def doctor(self) -> list[Check]:
        found = [self._may_read("clients"), self._may_read("invoices")]
        found += [self._may_write("clients"), self._may_write("invoices")]
        warning = self._asking.warning
        if warning:
            return [*found, Check("API version", False, warning, "Update Fieldbridge, or set JOBBER_API_VERSION.")]
        return [*found, Check("API version", True, f"Version {self._version} is served.")]

    def _may_read(self, resource: str) -> Check:
        try:
            total = self._counted(resource)
        except ScopeError as error:
            if resource == "clients":
                raise
            return Check(f"May read {resource}", False, str(error), _ADD_SCOPE)
        return Check(f"May read {resource}", True, f"{total:,} {resource} are there.")

    def _may_write(self, resource: str) -> Check:
        """By the access token's word: no mutation is without an effect."""
        label, scope = f"May change {resource}", f"write_{resource}"
        if not self.credentials.scopes:
            return Check(label, None, "Jobber does not say what this access may do.")
        if scope in self.credentials.scopes:
            return Check(label, True, "Yes.")
        return Check(label, False, "No: Jobber has not given it.", _ADD_SCOPE)

    def _counted(self, resource: str) -> int:
        return int(self._asking.ask(documents.text(f"{resource}_total"), {}, cost=2)[resource]["totalCount"])

    # Reading

    def fields(self, resource: str) -> list[Field]:
        """Built-in fields, and the custom fields seen on the first records or set up for invoices."""
        first = self._reading.page(resource, f"{resource}_page", {"first": min(20, self._reading.size(resource))})
        names = {p: records.label_of(p) for r in first.records for p in r.data if p.startswith("custom.")}
        writable: set[str] = set()
        if resource == "invoices":
            known = {f"custom.{slug}": field for slug, field in self._known_configurations().items()}
            names |= {path: field.name for path, field in known.items()}
            writable = {path for path, field in known.items() if field.writable}
        custom = (Field(p, names[p], custom=True, writable=p in writable) for p in sorted(names))
        return [*KINDS[resource].fields, *custom]

    def page(self, resource: str, cursor: str | None = None, *, updated_since: datetime | None = None) -> Page:
        """As many records as the bucket has points for; both ends of Jobber's time filter are inclusive.

        The first page says how many there are, so that the last waits for no more points than it needs.
        """
        carried: dict[str, Any] = json.loads(cursor) if cursor else {}
        if updated_since and not cursor:
            carried["since"] = updated_since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        since, left = carried.get("since"), carried.pop("left", 0)
        size = self._reading.size(resource)
        asked = {**carried, "first": min(size, left) if left > 0 else size}
        page = self._reading.page(resource, _document(resource, cursor, since), asked, RESERVE)
        found = page.records if resource != "notes" or not since else _changed(page.records, since)
        if page.next_cursor:
            left = (page.total or left) - int(asked["first"])
            carried |= {"after": page.next_cursor} | ({"left": left} if left > 0 else {})
        return replace(page, records=found, next_cursor=json.dumps(carried) if page.next_cursor else None)

    def fetch(self, resource: str, ids: Sequence[str]) -> dict[str, Record | None]:
        if resource == "notes":
            there = {note.id: note for note in self._notes_of([notes.invoice_of(i) for i in ids])}
            return {i: there.get(i) for i in ids}
        nodes = self._reading.by_ids(resource, ids)
        return {i: self._reading.read(resource, node)[0] if node else None for i, node in nodes}

    def _notes_of(self, invoice_ids: Sequence[str]) -> list[Record]:
        nodes = self._reading.by_ids("notes", list(dict.fromkeys(invoice_ids)))
        return [note for _, node in nodes if node for note in self._reading.read("notes", node)]

    def find_by_email(self, resource: str, email: str) -> list[Record]:
        """None: Jobber has no filter by email, and does not say that its search sees what was written last."""
        return []

    def written_since(self, resource: str, since: datetime, sent: Sequence[Data]) -> list[Record]:
        """Notes are read from the invoices that they were sent to."""
        if resource != "notes":
            return super().written_since(resource, since, sent)
        made, second = self._notes_of([str(data["invoice_id"]) for data in sent]), since.replace(microsecond=0)
        return [note for note in made if note.created_at and note.created_at >= second]

    # Writing. Jobber knows no idempotency keys: what has no answer may have happened.

    def create(self, resource: str, data: Data, *, key: str, deadline: float) -> WriteResult:
        if resource == "clients":
            return self._create_client(data, deadline)
        if resource == "notes":
            writing.only(data, frozenset({"invoice_id", "message"}), "note")
            asked = {"id": data.get("invoice_id"), "input": {"message": data.get("message")}}
            return self._write("invoiceCreateNote", "note_create", asked, deadline, data)
        raise RejectedError("Jobber invoices are made in Jobber.")

    def _create_client(self, data: Data, deadline: float) -> WriteResult:
        """Tags take a second call; the client is there when it is refused or gets no answer."""
        writing.only(data, writing.WRITABLE, "client")
        made = self._write("clientCreate", "client_create", {"input": writing.client_create(data)}, deadline, data)
        if not data.get("tags"):
            return made
        asked = {"id": made.record.id, "input": {"tagsToAdd": list(data["tags"])}}
        try:
            return self._write("clientEdit", "client_edit", asked, deadline, data)
        except ConnectorError as error:
            raise UnknownOutcome(f"The client was made without its tags. {error}") from None

    def update(self, resource: str, record_id: str, data: Data, *, key: str, deadline: float) -> WriteResult:
        if resource == "clients":
            writing.only(data, writing.WRITABLE, "client")
            asked = {"id": record_id, "input": writing.client_edit(data, self._contacts(record_id))}
            return self._write("clientEdit", "client_edit", asked, deadline, data)
        if resource == "notes":
            writing.only(data, frozenset({"message"}), "note")
            note = {"noteId": notes.own_id(record_id), "message": data.get("message")}
            return self._write("invoiceEditNote", "note_edit", {"input": note}, deadline, data)
        writing.only(data, frozenset(path for path in data if path.startswith("custom.")), "invoice")
        asked = {"id": record_id, "input": writing.invoice_edit(data, self._configurations())}
        return self._write("invoiceEdit", "invoice_edit", asked, deadline, data)

    def _contacts(self, client_id: str) -> dict[str, Any]:
        found = self._asking.ask(documents.text("client_contacts"), {"id": client_id}, cost=120)["client"]
        if not found:
            raise MissingError("Jobber has no such client any more.")
        return self._reading.whole("clients", found)

    def act(self, resource: str, record_id: str, action: str, data: Data, *, key: str, deadline: float) -> WriteResult:
        match (resource, action):
            case ("clients", "archive"):
                return self._write("clientArchive", "client_archive", {"id": record_id}, deadline)
            case ("clients", "unarchive"):
                return self._write("clientUnarchive", "client_unarchive", {"id": record_id}, deadline)
            case ("invoices", "close_received"):
                asked = {"id": record_id, "input": {"closeOption": "MARK_RECEIVED"}}
                return self._write("invoiceClose", "invoice_close", asked, deadline)
            case ("invoices", "reopen"):
                return self._write("invoiceReopen", "invoice_reopen", {"id": record_id}, deadline)
            case ("invoices", "add_link_field"):
                return self._add_link_field(record_id, str(data["label"]))
        return super().act(resource, record_id, action, data, key=key, deadline=deadline)

    def _write(
        self, mutation: str, name: str, variables: Mapping[str, Any], deadline: float, data: Data | None = None
    ) -> WriteResult:
        """`data`: what the mutation was made of, to name the path that is refused."""
        if time.monotonic() > deadline:
            raise RateLimited("There was no time left to send it safely.", after=0.1, reason="deadline")
        cost = max(self._asking.bucket.costs.values()) + documents.WRITE_COST
        answer = self._asking.ask(documents.text(name), variables, cost=cost, writes=True)
        found = answer.get(mutation) or {}
        if found.get("userErrors"):
            raise _refused(found["userErrors"][0], data or {})
        try:
            return WriteResult(self._written(found))
        except (KeyError, TypeError, ConnectorError):
            raise UnknownOutcome("Jobber did not show what it has written.") from None

    def _written(self, found: Mapping[str, Any]) -> Record:
        if "invoiceNote" in found:
            return notes.record(str(found["invoice"]["id"]), found["invoiceNote"])
        resource = "clients" if "client" in found else "invoices"
        return self._reading.read(resource, found[KINDS[resource].one])[0]

    # The account's own fields for invoices

    def _add_link_field(self, invoice_id: str, label: str) -> WriteResult:
        """For web addresses, on every invoice of the account, unless there is one. It is the app's own: people see it
        in Jobber, and cannot change it there. Shows the invoice that it was wanted for."""
        held = self._configurations().get(records.slug_of(label))
        if held is None:
            wanted = {"name": label, "appliesTo": "ALL_INVOICES", "readOnly": True, "transferable": False}
            answer = self._asking.ask(documents.text("link_field_create"), {"input": wanted}, cost=20, writes=True)
            made = answer["customFieldConfigurationCreateLink"]
            if made["userErrors"]:
                raise _refused(made["userErrors"][0], {})
        elif held.kind != writing.LINK:
            raise RejectedError(f"Jobber has a field “{label}” for invoices already, and it takes no link.")
        found = self.fetch("invoices", [invoice_id])[invoice_id]
        if found is None:
            raise MissingError("Jobber has no such invoice any more.")
        return WriteResult(found)

    def _known_configurations(self) -> Mapping[str, writing.Configuration]:
        try:
            return self._configurations()
        except ScopeError:
            return {}

    def _configurations(self) -> Mapping[str, writing.Configuration]:
        """Those for invoices by the slug of their name; where two have the same, neither can be written by it."""
        found: dict[str, writing.Configuration] = {}
        after, more = None, True
        while more:
            asked = {"after": after, "appliesTo": "ALL_INVOICES"}
            page = self._asking.ask(documents.text("configurations"), asked, cost=383)["customFieldConfigurations"]
            for node in filter(lambda n: "name" in n, page["nodes"]):
                slug = records.slug_of(node["name"])
                kind = "several" if slug in found else str(node["__typename"])
                if not node["archived"]:
                    found[slug] = writing.Configuration(str(node["id"]), str(node["name"]), kind)
            after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        return found

    # The rest

    def budgets(self) -> list[Budget]:
        found = self._asking.bucket.budget()
        return [found] if found.maximum else []

    def disconnect(self) -> None:
        """The mutation that ends the app's access to this account."""
        done = self._asking.ask(documents.text("app_disconnect"), {}, cost=6, writes=True)["appDisconnect"]
        if done["userErrors"]:
            raise RejectedError(f"Jobber did not let go: {words(done['userErrors'][0])}")


def _document(resource: str, cursor: str | None, since: str | None) -> str:
    if since:
        return f"{resource}_changed"
    return f"{resource}_page" if cursor or resource == "notes" else f"{resource}_first"


def _changed(found: Sequence[Record], since: str) -> list[Record]:
    """An invoice that has changed brings its old notes along."""
    return [note for note in found if note.updated_at and note.updated_at >= records.moment(since)]


def _refused(error: Mapping[str, Any], data: Data) -> RejectedError:
    said = f"Jobber says: {words(error)}"
    if "not found" in said.lower():
        return MissingError(said)
    return RejectedError(said, field=writing.refused_path(error.get("path") or (), data))
