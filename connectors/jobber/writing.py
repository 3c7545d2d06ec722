"""What is sent to Jobber to make or change a record, and which of our paths a refusal is about.

Emails, phones and tags change by what is added, edited and deleted; a billing address is sent whole.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.base import Data
from connectors.errors import RejectedError

type Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Configuration:
    """A custom field of the account. `kind` is the name of its type in the schema."""

    id: str
    name: str
    kind: str

    @property
    def writable(self) -> bool:
        return self.kind in _VALUES


_PLAIN = {
    "first_name": "firstName", "last_name": "lastName", "company_name": "companyName", "is_company": "isCompany",
}  # fmt: skip
ADDRESS = {
    "street1": "street1", "street2": "street2", "city": "city", "province": "province", "postal_code": "postalCode",
    "country": "country",
}  # fmt: skip
WRITABLE = frozenset({*_PLAIN, "email", "phone", "tags", *(f"billing_address.{part}" for part in ADDRESS)})
#: Jobber's names in an input, by our paths.
_PATHS = {
    **{name: path for path, name in _PLAIN.items()},
    **{name: f"billing_address.{part}" for part, name in ADDRESS.items()},
    **{f"{plural}{way}": path for plural, path in (("emails", "email"), ("phones", "phone"), ("tags", "tags"))
       for way in ("", "ToAdd", "ToEdit", "ToDelete")},
    "message": "message", "invoiceId": "invoice_id",
}  # fmt: skip


def only(data: Data, writable: frozenset[str], what: str) -> None:
    """RejectedError where `data` has a path that is not to be written."""
    wrong = next((path for path in data if path not in writable), "")
    if wrong:
        raise RejectedError(f"Jobber does not let us write {wrong} of a {what}.", field=wrong)


def refused_path(path: Sequence[str], data: Data) -> str:
    """Ours for a path in Jobber's userErrors about `data`, '' where it is none of ours."""
    if "customFields" in path:
        place = next((int(part) for part in path if part.isdecimal()), len(data))
        return next(iter(list(data)[place : place + 1]), "")
    return next((_PATHS[part] for part in reversed(path) if part in _PATHS), "")


# Clients


def client_create(data: Data) -> Json:
    """Without its tags: Jobber takes them in an edit only."""
    sent = _named(data)
    if data.get("email"):
        sent["emails"] = [_main("address", data["email"])]
    if data.get("phone"):
        sent["phones"] = [_main("number", data["phone"])]
    address = _address(data, {})
    return sent | ({"billingAddress": address} if any(address.values()) else {})


def client_edit(data: Data, there: Mapping[str, Any]) -> Json:
    """`there`: the client's emails, phones, tags and address as Jobber has them now."""
    sent = _named(data)
    sent |= _primary(data, "email", "emails", "address", there["emails"])
    sent |= _primary(data, "phone", "phones", "number", there["phones"])
    if "tags" in data:
        sent |= _tags([str(tag) for tag in data["tags"] or ()], [str(tag["label"]) for tag in there["tags"]["nodes"]])
    if any(path.startswith("billing_address.") for path in data):
        sent["billingAddress"] = _address(data, there.get("billingAddress") or {})
    return sent


def _named(data: Data) -> Json:
    return {name: "" if data[path] is None else data[path] for path, name in _PLAIN.items() if path in data}


def _address(data: Data, there: Mapping[str, Any]) -> Json:
    """What is not said stays as it is."""
    return {name: data.get(f"billing_address.{part}", there.get(name)) or "" for part, name in ADDRESS.items()}


def _main(name: str, value: object) -> Json:
    return {name: value, "primary": True, "description": "MAIN"}


def _primary(data: Data, path: str, plural: str, name: str, there: Sequence[Mapping[str, Any]]) -> Json:
    """Another one that has the value becomes the primary one; else the primary one is edited, else one is added."""
    if path not in data:
        return {}
    value, held = data[path], next((row for row in there if row["primary"]), None)
    if not value:
        return _emptied(path, plural, held, there)
    same = next((row for row in there if str(row[name]).casefold() == str(value).casefold()), held)
    if same is None:
        return {f"{plural}ToAdd": [_main(name, value)]}
    return {f"{plural}ToEdit": [{"id": same["id"], name: value, "primary": True}]}


def _emptied(path: str, plural: str, held: Mapping[str, Any] | None, there: Sequence[Mapping[str, Any]]) -> Json:
    """Where others are left one of them would come in its place, and be the next to go."""
    if held is None:
        return {}
    if len(there) > 1:
        raise RejectedError(f"The client has other {plural} in Jobber: choose there which one is left.", field=path)
    return {f"{plural}ToDelete": [held["id"]]}


def _tags(wanted: Sequence[str], there: Sequence[str]) -> Json:
    sent = {"tagsToAdd": [t for t in wanted if t not in there], "tagsToDelete": [t for t in there if t not in wanted]}
    return {name: tags for name, tags in sent.items() if tags}


# Invoices


def invoice_edit(data: Data, configurations: Mapping[str, Configuration]) -> Json:
    """Values of custom fields, in the order of `data`. `configurations` by slug."""
    return {"customFields": [_custom(path, value, configurations) for path, value in data.items()]}


def _custom(path: str, value: Any, configurations: Mapping[str, Configuration]) -> Json:
    """A link is shown in Jobber by its text: the name of its field."""
    field = configurations.get(path.removeprefix("custom."))
    if field is None or not field.writable:
        raise RejectedError(f"Jobber does not let us write {path} of an invoice.", field=path)
    return {"customFieldConfigurationId": field.id, **_VALUES[field.kind](str(value or ""), field.name)}


LINK = "CustomFieldConfigurationLink"
_VALUES: Mapping[str, Callable[[str, str], Json]] = {
    LINK: lambda value, name: {"valueLink": {"text": name if value else "", "url": value}},
    "CustomFieldConfigurationText": lambda value, name: {"valueText": value},
}
