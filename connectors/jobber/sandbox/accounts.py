"""The businesses of the stand-in and their clients: every change goes through here, stamped and told onward."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from connectors.jobber.sandbox import clients, customfields
from connectors.jobber.sandbox.clients import Client, Wrong
from connectors.jobber.sandbox.ids import encoded, number

type Account = dict[str, Any]
#: (account, topic, id of the thing changed)
type Tell = Callable[[Account, str, str], None]


class Accounts:
    """Works on the service's state; nothing of it is kept elsewhere. `now` is ISO 8601 in UTC, whole seconds."""

    def __init__(self, state: dict[str, Any], now: Callable[[], str], tell: Tell, changed: Callable[[], None]) -> None:
        self._state, self.now, self._tell, self.touch = state, now, tell, changed

    def scopes(self) -> list[str]:
        """What the app asks for, as its maker configured it."""
        return str(self._state["settings"]["scopes"]).split()

    def all(self) -> list[Account]:
        return list(self._state["accounts"].values())

    def get(self, number: str) -> Account | None:
        found: Account | None = self._state["accounts"].get(number)
        return found

    def new_id(self, kind: str) -> str:
        return encoded(kind, self.new_number(kind))

    def new_number(self, kind: str) -> int:
        """Numbers count up over all accounts, so that no two accounts share an id."""
        numbers: dict[str, int] = self._state["numbers"]
        numbers[kind] = numbers.get(kind, 1000) + 1
        return numbers[kind]

    def tags(self, account: Account, labels: Sequence[str]) -> list[dict[str, str]]:
        known: dict[str, str] = account["tags"]
        for label in labels:
            if label not in known:
                known[label] = self.new_id("Tag")
        return sorted(({"id": known[label], "label": label} for label in labels), key=lambda tag: number(tag["id"]))

    def add(self, account: Account, given: Mapping[str, Any]) -> Client:
        """`given` as ClientCreateInput, and `tags`, `isLead`, `isArchived`, which only the control pages set. Wrong."""
        count = self.new_number("Client")
        client = clients.blank(encoded("Client", count), count, self.now())
        client |= _plain(given)
        client["emails"] = clients.emails([], self.new_id, add=given.get("emails") or ())
        client["phones"] = clients.phones([], self.new_id, add=given.get("phones") or ())
        client["billingAddress"] = clients.address(given.get("billingAddress"), None)
        client["tags"] = self.tags(account, given.get("tags") or ())
        client["custom"] = customfields.changed(_configs(account), {}, given.get("customFields") or (), self.new_id)
        client = clients.completed(client)
        account["clients"][client["id"]] = client
        self.told(account, "CLIENT_CREATE", client["id"])
        return client

    def edit(self, account: Account, client: Client, given: Mapping[str, Any]) -> Client:
        """`given` as ClientEditInput, and `isLead`. Unchanged clients are told to nobody. Wrong."""
        new = client | _plain(given)
        if "billingAddress" in given:
            new["billingAddress"] = clients.address(given["billingAddress"], client["billingAddress"])
        new["emails"] = clients.emails(client["emails"], self.new_id, **_deltas(given, "emails"))
        new["phones"] = clients.phones(client["phones"], self.new_id, **_deltas(given, "phones"))
        new["tags"] = self._tags(account, client, given)
        if given.get("customFields"):
            new["custom"] = customfields.changed(
                _configs(account), client["custom"], given["customFields"], self.new_id
            )
        return self._replace(account, client, new)

    def archive(self, account: Account, client: Client, archived: bool) -> Client:
        return self._replace(account, client, client | {"isArchived": archived})

    def destroy(self, account: Account, client: Client) -> None:
        """As a person deletes a client in Jobber; no mutation does."""
        del account["clients"][client["id"]]
        self.told(account, "CLIENT_DESTROY", client["id"])

    def _tags(self, account: Account, client: Client, given: Mapping[str, Any]) -> list[dict[str, str]]:
        gone = set(given.get("tagsToDelete") or ())
        labels = [t["label"] for t in client["tags"] if t["label"] not in gone]
        labels += [label for label in dict.fromkeys(given.get("tagsToAdd") or ()) if label not in labels]
        return self.tags(account, labels)

    def _replace(self, account: Account, old: Client, new: Client) -> Client:
        new = clients.completed(new)
        if new == old:
            return old
        new["updatedAt"] = max(self.now(), old["updatedAt"])
        account["clients"][new["id"]] = new
        self.told(account, "CLIENT_UPDATE", new["id"])
        return new

    def told(self, account: Account, topic: str, item_id: str) -> None:
        self.touch()
        self._tell(account, topic, item_id)


def _plain(given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are simply set."""
    found: dict[str, Any] = {name: given[name] or "" for name in ("firstName", "lastName") if name in given}
    if "companyName" in given:
        found["companyName"] = given["companyName"] or None
    if "title" in given:
        found["title"] = clients.TITLES.get(given["title"] or "", "")
    flags = ("isCompany", "isLead", "isArchived", *clients.RECEIVES)
    return found | {name: bool(given[name]) for name in flags if given.get(name) is not None}


def _deltas(given: Mapping[str, Any], kind: str) -> dict[str, Any]:
    names = {"add": f"{kind}ToAdd", "edit": f"{kind}ToEdit", "delete": f"{kind}ToDelete"}
    return {ours: given.get(theirs) or () for ours, theirs in names.items()}


def _configs(account: Account) -> Mapping[str, customfields.Config]:
    return customfields.of(account["configs"], "ALL_CLIENTS")


def client_of(account: Account, client_id: str) -> Client:
    found: Client | None = account["clients"].get(client_id)
    if found is None:
        raise Wrong("Client not found", "clientId")
    return found
