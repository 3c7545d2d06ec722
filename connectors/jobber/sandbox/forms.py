"""The client form of the control pages, read into what the API's own mutations take."""

from collections.abc import Mapping, Sequence
from typing import Any

from connectors.jobber.sandbox import customfields
from connectors.jobber.sandbox.accounts import Account
from connectors.jobber.sandbox.clients import ADDRESS, TITLES, Client, Wrong
from connectors.jobber.sandbox.customfields import KINDS, Config

type Form = Mapping[str, str]

#: Empty rows offered below the emails and phones there are.
SPARE = 1
_TRUE = "on"


def rows(items: Sequence[Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    """What the form shows for emails ('address') or phones ('number')."""
    held = [{"id": i["id"], "value": i[name], "primary": i["primary"]} for i in items]
    spare = [{"id": "", "value": "", "primary": not held and not n} for n in range(SPARE)]
    return [*held, *spare]


def created(form: Form, account: Account) -> dict[str, Any]:
    """As ClientCreateInput, with tags and lead. Wrong names the field that cannot be read."""
    given = _plain(form)
    given["emails"] = [{"address": e["value"], "primary": e["primary"]} for e in _rows(form, "email") if e["value"]]
    given["phones"] = [{"number": p["value"], "primary": p["primary"]} for p in _rows(form, "phone") if p["value"]]
    given["tags"] = _labels(form)
    given["customFields"] = custom(form, _configs(account))
    return given


def edited(form: Form, account: Account, client: Client) -> dict[str, Any]:
    """As ClientEditInput, with lead: only what differs from the client. Raises Wrong."""
    given = _plain(form)
    given |= _deltas(_rows(form, "email"), client["emails"], "emails", "address")
    given |= _deltas(_rows(form, "phone"), client["phones"], "phones", "number")
    held, wanted = [t["label"] for t in client["tags"]], _labels(form)
    given["tagsToAdd"] = [label for label in wanted if label not in held]
    given["tagsToDelete"] = [label for label in held if label not in wanted]
    given["customFields"] = changed_custom(form, _configs(account), client["custom"])
    return given


def _plain(form: Form) -> dict[str, Any]:
    given: dict[str, Any] = {n: form.get(n, "").strip() for n in ("firstName", "lastName", "companyName")}
    given["title"] = next((key for key, shown in TITLES.items() if shown == form.get("title")), None)
    given["isCompany"] = form.get("isCompany") == _TRUE
    given["isLead"] = form.get("isLead") == _TRUE
    given["billingAddress"] = {name: form.get(name, "").strip() for name in ADDRESS}
    return given


def _rows(form: Form, kind: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while f"{kind}_{len(found)}" in form:
        n = len(found)
        found.append(
            {
                "id": form.get(f"{kind}_{n}_id", ""),
                "value": form[f"{kind}_{n}"].strip(),
                "primary": form.get(f"{kind}_primary") == f"{n}",
            }
        )
    return found


def _deltas(
    shown: Sequence[Mapping[str, Any]], held: Sequence[Mapping[str, Any]], kind: str, name: str
) -> dict[str, Any]:
    by_id = {item["id"]: item for item in held}
    kept = [r for r in shown if r["id"] in by_id and r["value"]]
    edits = [
        {"id": r["id"], name: r["value"], "primary": r["primary"]}
        for r in kept
        if r["value"] != by_id[r["id"]][name] or r["primary"] != by_id[r["id"]]["primary"]
    ]
    left = {r["id"] for r in kept}
    return {
        f"{kind}ToEdit": edits,
        f"{kind}ToAdd": [{name: r["value"], "primary": r["primary"]} for r in shown if not r["id"] and r["value"]],
        f"{kind}ToDelete": [item_id for item_id in by_id if item_id not in left],
    }


def _labels(form: Form) -> list[str]:
    return list(dict.fromkeys(t for t in (part.strip() for part in form.get("tags", "").split(",")) if t))


def _configs(account: Account) -> Mapping[str, Config]:
    return customfields.of(account["configs"], "ALL_CLIENTS")


def custom(form: Form, configs: Mapping[str, Config]) -> list[dict[str, Any]]:
    """What a form says of each custom field, but not of those that only apps may change."""
    return [
        {"customFieldConfigurationId": config_id, KINDS[kind["valueType"]][0]: _value(form, f"custom_{n}", kind)}
        for n, (config_id, kind) in enumerate(configs.items())
        if not kind["readOnly"]
    ]


def changed_custom(form: Form, configs: Mapping[str, Config], held: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Only what differs from the values there are."""
    shown = {key: value["value"] for key, value in held.items()}
    return [f for f in custom(form, configs) if _differs(f, shown, configs[f["customFieldConfigurationId"]])]


def _value(form: Form, name: str, kind: Mapping[str, Any]) -> Any:
    match kind["valueType"]:
        case "TRUE_FALSE":
            return form.get(name) == _TRUE
        case "NUMERIC":
            return number(form.get(name, ""), kind["name"])
        case "LINK":
            return {"text": form.get(f"{name}_text", "").strip(), "url": form.get(f"{name}_url", "").strip()}
        case "AREA":
            sides = ("length", "width")
            return {side: number(form.get(f"{name}_{side}", ""), kind["name"]) for side in sides}
    return form.get(name, "").strip()


def number(text: str, label: str) -> float:
    """0 where nothing is said. Raises Wrong."""
    try:
        return float(text.strip() or 0)
    except ValueError:
        raise Wrong(f"{label}: this is not a number.") from None


def _differs(field: Mapping[str, Any], shown: Mapping[str, Any], kind: Mapping[str, Any]) -> bool:
    held = shown.get(field["customFieldConfigurationId"], kind["defaultValue"])
    return bool(held != field[KINDS[kind["valueType"]][0]])
