"""Both stand-ins as the engine sees them through a session: Jobber's clients and Stripe's customers, and what stands
on the shelves beside them."""

import json
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors import base
from connectors.base import Budget, Check, Credentials, Data, Field, Page, Record, Session, WriteResult
from connectors.emails import match_email
from connectors.errors import ContractError, MissingError, RejectedError
from connectors.jobber import Jobber
from connectors.likeness import namesake_key, phone_key
from connectors.stripe import Stripe
from tests.faults.outside import Account, Service
from tests.faults.shelves import LAG, POISON

PAGE = 3
#: A record that nobody can read.
STRANGE = "not as we know it"


class Records(Service):
    """A service with its clients or customers. `record` shows one; `make` and `change` are what people and we do."""

    resource: str
    topics: tuple[str, str, str]

    @abstractmethod
    def record(self, key: str, held: Mapping[str, Any]) -> Record: ...

    @abstractmethod
    def next_id(self, account: Account) -> str: ...

    def shown(self, account: Account, key: str) -> Record | None:
        held = account.records.get(key)
        if held is None:
            return None
        before, until = held.get("_before"), held.get("_until")
        if before and self.ground.now() < until and self.ground.weather.happens("stale"):
            held = before
        return self.record(key, held)

    def make(self, account: Account, data: Data, key: str = "") -> Record:
        self._refuse(data, key)
        number = self.next_id(account)
        now = self.ground.now()
        held = {p: v for p, v in data.items() if v not in ("", None)}
        account.records[number] = held | {"_made": now, "_at": now, "_number": account.made, "_by": key}
        found = self.record(number, account.records[number])
        self.tell_of(account, self.topics[0], found, key)
        return found

    def change(self, account: Account, number: str, data: Data, key: str = "") -> Record:
        if number not in account.records:
            raise MissingError(f"{self.name} has no such record.")
        self._refuse(data, key)
        held, now = account.records[number], self.ground.now()
        edited = held.get("_edited") or {}
        if key:
            self.ground.raced |= {str(v) for p, v in data.items() if edited.get(p, 0.0) > self.sent_at}
        if key and all((held.get(p) or "") == (v or "") for p, v in data.items()):
            self.ground.counts["needless write"] += 1
        before = {p: v for p, v in held.items() if p not in {"_before", "_until"}}
        after = {p: v for p, v in (before | data).items() if v not in ("", None)}
        after["_at"] = now
        after["_edited"] = edited if key else edited | dict.fromkeys(data, self.ground.loop.now)
        if key:
            after |= {"_before": before, "_until": now + LAG}
        account.records[number] = after
        found = self.record(number, after)
        self.tell_of(account, self.topics[1], found, key)
        return found

    def remove(self, account: Account, number: str) -> None:
        found = self.record(number, account.records.pop(number))
        self.tell_of(account, self.topics[2], found, "", kind="deleted")

    def _refuse(self, data: Data, key: str) -> None:
        """From us; people may write there what no program may."""
        bad = next((p for p, v in data.items() if POISON in str(v)), "")
        if bad and key:
            self.ground.counts["refused"] += 1
            raise RejectedError(f"{self.name} does not take this.", field=bad)

    def tell_of(self, account: Account, topic: str, about: Record, key: str, **more: Any) -> None:
        self.tell(account, topic, self.resource, about.id, **more)

    def open(self, credentials: Credentials) -> Session:
        return StandIn(self, credentials)


class JobberStandIn(Records, Jobber):
    """No idempotency keys; tells when a record was changed; webhooks have no id."""

    resource = "clients"
    topics = ("CLIENT_CREATE", "CLIENT_UPDATE", "CLIENT_DESTROY")

    def __init__(self) -> None:
        Jobber.__init__(self, {})

    def next_id(self, account: Account) -> str:
        return f"{account.id}-c{account.number():03}"

    def record(self, key: str, held: Mapping[str, Any]) -> Record:
        if STRANGE in str(held.get("last_name")):
            raise ContractError("Jobber's client is not as we know it.")
        at, made = (held[n].replace(microsecond=0) for n in ("_at", "_made"))
        data: Data = {p: v for p, v in held.items() if not p.startswith("_")}
        person = f"{data.get('first_name', '')} {data.get('last_name', '')}".strip()
        name = str(data.get("company_name") if data.get("is_company") else person)
        data |= {
            "id": key, "name": name, "is_company": bool(data.get("is_company")), "is_lead": False,
            "is_archived": False, "tags": [], "balance": "0", "created_at": made.isoformat(),
            "updated_at": at.isoformat(),
        }  # fmt: skip
        return _record(key, data, name, "billing_address.postal_code", updated_at=at, created_at=made)


class StripeStandIn(Records, Stripe):
    """Idempotency keys; never tells when a record was changed; events show the record and the key that made it."""

    resource = "customers"
    topics = ("customer.created", "customer.updated", "customer.deleted")

    def __init__(self) -> None:
        Stripe.__init__(self, {})

    def next_id(self, account: Account) -> str:
        return f"cus_{account.id}_{account.number():03}"

    def record(self, key: str, held: Mapping[str, Any]) -> Record:
        data: Data = {p: v for p, v in held.items() if not p.startswith("_")}
        made = held["_made"].replace(microsecond=0)
        data |= {"id": key, "created": int(made.timestamp()), "livemode": True}
        references = {p.removeprefix("metadata."): v for p, v in data.items() if p.endswith("_id") and "." in p}
        name = str(data.get("name") or key)
        return _record(key, data, name, "address.postal_code", created_at=made, references=references)

    def tell_of(self, account: Account, topic: str, about: Record, key: str, **more: Any) -> None:
        event = f"evt_{account.id}_{account.number()}"
        self.tell(account, topic, self.resource, about.id, event=event, key=key, object=about.data, **more)

    def hint(self, said: Mapping[str, Any]) -> Record | None:
        shown = said.get("object") if said.get("kind", "changed") == "changed" else None
        return Record(said["record"], shown, "") if shown else None


def _record(key: str, data: Data, name: str, postcode: str, **more: Any) -> Record:
    email = str(data.get("email") or "")
    return Record(
        key, data, name or key, email=match_email(email) if email else "", phone=phone_key(data.get("phone")),
        namesake=namesake_key(name, data.get(postcode)), **more,
    )  # fmt: skip


class StandIn(Session):
    """Speaks for one account of either."""

    def __init__(self, service: Records, credentials: Credentials) -> None:
        self.service, self.credentials = service, credentials

    def _call[T](self, what: str, act: Callable[[Account], T], **more: Any) -> T:
        found: T = self.service.call(self.credentials, what, act, **more)
        return found

    def account(self) -> base.Account:
        return self._call("account", lambda a: base.Account(a.id, a.tag, "AU", "AUD"))

    def doctor(self) -> list[Check]:
        return []

    def fields(self, resource: str) -> list[Field]:
        return list(self.service.catalogue(resource))  # type: ignore[attr-defined]

    def page(self, resource: str, cursor: str | None = None, *, updated_since: datetime | None = None) -> Page:
        after, _, since = (cursor or "").partition("|")
        since = since or (updated_since.isoformat() if updated_since else "")

        def act(account: Account) -> Page:
            rows = sorted(self._rows(account, resource))
            mine = [(n, key) for n, key, at in rows if n > int(after or 0) and _since(at, since)]
            records, unreadable = [], []
            for _, key in mine[:PAGE]:
                try:
                    found = self._shown(account, resource, key)
                except ContractError:
                    unreadable.append(key)
                else:
                    records.append(found)
            more = f"{mine[PAGE - 1][0]}|{since}" if len(mine) > PAGE else None
            return Page([r for r in records if r], more, len(rows), unreadable)

        return self._call(f"{resource} page {after or '-'} {'changes' if since else 'all'}", act)

    def _rows(self, account: Account, resource: str) -> list[tuple[int, str, datetime]]:
        if resource in account.shelves:
            found: list[tuple[int, str, datetime]] = account.shelves[resource].rows()
            return found
        by = "_made" if self.service.slug == "stripe" else "_at"
        return [(held["_number"], key, held[by]) for key, held in account.records.items()]

    def _shown(self, account: Account, resource: str, key: str) -> Record | None:
        shelf = account.shelves.get(resource)
        found: Record | None = shelf.shown(key) if shelf else self.service.shown(account, key)
        return found

    def fetch(self, resource: str, ids: Sequence[str]) -> dict[str, Record | None]:
        if self.service.slug == "jobber":
            return self._call(f"fetch {' '.join(ids)}", lambda a: {i: self._own(a, resource, i) for i in ids})
        return {i: self._call(f"fetch {i}", lambda a, i=i: self._own(a, resource, i)) for i in ids}

    def _own(self, account: Account, resource: str, key: str) -> Record | None:
        self._mine(account, key)
        return self._shown(account, resource, key)

    def _mine(self, account: Account, key: str) -> None:
        if f"{account.id}" not in key:
            self.service.ground.wrong.append(f"{self.service.slug}: {account.id} asked for {key}")

    def create(self, resource: str, data: Data, *, key: str, deadline: float) -> WriteResult:
        self._only_own(data)

        def act(account: Account) -> WriteResult:
            shelf = account.shelves.get(resource)
            return WriteResult(shelf.make(data, key) if shelf else self.service.make(account, data, key))

        sent = json.dumps(data, sort_keys=True)
        what = _words(data) if resource in {"clients", "customers"} else f"{resource} {sent}"
        return self._call(f"create {what}", act, key=key, sent=sent, deadline=deadline)

    def update(self, resource: str, record_id: str, data: Data, *, key: str, deadline: float) -> WriteResult:
        return self.act(resource, record_id, "update", data, key=key, deadline=deadline)

    def act(self, resource: str, record_id: str, action: str, data: Data, *, key: str, deadline: float) -> WriteResult:
        self._only_own(data)

        def act(account: Account) -> WriteResult:
            self._mine(account, record_id)
            shelf = account.shelves.get(resource)
            if shelf:
                return WriteResult(shelf.change(record_id, action, data, key))
            return WriteResult(self.service.change(account, record_id, data, key))

        sent = json.dumps([record_id, action, data], sort_keys=True)
        what = _words(data) if resource in {"clients", "customers"} else json.dumps(data, sort_keys=True)
        return self._call(f"{action} {record_id} {what}", act, key=key, sent=sent, deadline=deadline)

    def _only_own(self, data: Data) -> None:
        """Every value in the simulation names its business."""
        account = self.service.accounts[self.credentials.account_id]
        email = str(data.get("email") or "")
        if email and not email.endswith(f"@{account.tag}.example"):
            self.service.ground.wrong.append(f"{account.id} was sent {email}")
        for path in ("customer", "invoice_id", "payment_record"):
            if data.get(path):
                self._mine(account, str(data[path]))

    def find_by_email(self, resource: str, email: str) -> list[Record]:
        def act(account: Account) -> list[Record]:
            return [self.service.record(k, h) for k, h in account.records.items() if h.get("email") == email]

        return self._call(f"find {email}", act)

    def budgets(self) -> list[Budget]:
        return []


def _since(at: datetime, since: str) -> bool:
    return not since or at.replace(microsecond=0) >= datetime.fromisoformat(since).replace(microsecond=0)


def _words(data: Data) -> str:
    return " ".join(f"{p}={v}" for p, v in sorted(data.items()) if p in {"email", "phone", "company_name",
                    "business_name", "address.city", "billing_address.city", "metadata.jobber_last_name"})  # fmt: skip
