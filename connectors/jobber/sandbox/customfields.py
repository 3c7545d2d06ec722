"""Custom fields: an account's configurations, and the values that clients and invoices have for them."""

from collections.abc import Iterable, Mapping
from typing import Any

from connectors.jobber.sandbox.clients import NewId, Wrong

type Config = dict[str, Any]

#: Kind -> (name of the value in the API, what an empty one is).
KINDS: dict[str, tuple[str, Any]] = {
    "TEXT": ("valueText", ""),
    "DROPDOWN": ("valueDropdown", ""),
    "TRUE_FALSE": ("valueTrueFalse", False),
    "NUMERIC": ("valueNumeric", 0.0),
    "LINK": ("valueLink", {"text": "", "url": ""}),
    "AREA": ("valueArea", {"length": 0.0, "width": 0.0}),
}
_TYPES = {
    "TEXT": "Text", "DROPDOWN": "Dropdown", "TRUE_FALSE": "TrueFalse", "NUMERIC": "Numeric", "LINK": "Link",
    "AREA": "Area",
}  # fmt: skip


def config(config_id: str, kind: str, name: str, order: int, **more: Any) -> Config:
    """`more`: unit, dropdownOptions, defaultValue, appliesTo, readOnly, byApp."""
    return {
        "__typename": f"CustomFieldConfiguration{_TYPES[kind]}", "id": config_id, "valueType": kind, "name": name,
        "appliesTo": "ALL_CLIENTS", "archived": False, "readOnly": False, "sortOrder": order,
        "defaultValue": KINDS[kind][1], "byApp": False,
        **more,
    }  # fmt: skip


def of(configs: Mapping[str, Config], applies_to: str) -> dict[str, Config]:
    """Those for a kind of thing: ALL_CLIENTS, ALL_INVOICES."""
    return {key: kind for key, kind in configs.items() if kind["appliesTo"] == applies_to and not kind["archived"]}


def created(configs: Mapping[str, Config], kind: str, config_id: str, given: Mapping[str, Any]) -> Config:
    """From CustomFieldConfigurationCreateTextInput or ...LinkInput. Raises Wrong."""
    name = given["name"].strip()
    if not name:
        raise Wrong("Name can't be blank", "input", "name")
    beside = of(configs, given["appliesTo"]).values()
    if any(each["name"].casefold() == name.casefold() for each in beside):
        raise Wrong("Name has already been taken", "input", "name")
    order = max((each["sortOrder"] for each in beside), default=0) + 1
    default = _completed(given.get("defaultValue"), KINDS[kind][1])
    if kind == "LINK":
        _check_link(default, "input", "defaultValue")
    more = {"appliesTo": given["appliesTo"], "readOnly": given["readOnly"], "defaultValue": default}
    return config(config_id, kind, name, order, **more)


def shown(configs: Mapping[str, Config], values: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A record's custom fields as the API lists them: every one of `configs`, unset ones without an id."""
    found = []
    for config_id, kind in configs.items():
        held = values.get(config_id)
        item = {
            "__typename": f"CustomField{_TYPES[kind['valueType']]}",
            "id": held["id"] if held else None,
            "label": kind["name"],
            "customFieldConfiguration": kind,
            KINDS[kind["valueType"]][0]: held["value"] if held else kind["defaultValue"],
        }
        if "unit" in kind:
            item["unit"] = kind["unit"]
        if "dropdownOptions" in kind:
            item["dropdownOptions"] = kind["dropdownOptions"]
        found.append(item)
    return found


def changed(
    configs: Mapping[str, Config], held: Mapping[str, Any], inputs: Iterable[Mapping[str, Any]], new_id: NewId
) -> dict[str, Any]:
    """The values after CustomFieldCreateInput or CustomFieldEditInput. Raises Wrong."""
    values = dict(held)
    for place, given in enumerate(inputs):
        path = ("input", "customFields", f"{place}")
        config_id = given.get("customFieldConfigurationId") or next(
            (key for key, value in held.items() if value["id"] == given.get("id")), None
        )
        if config_id is None or config_id not in configs:
            raise Wrong("There is no such custom field", *path)
        kind = configs[config_id]
        name, empty = KINDS[kind["valueType"]]
        if name not in given:
            raise Wrong(f"This custom field takes {name}", *path)
        value = _completed(given[name], empty)
        if kind["valueType"] == "DROPDOWN" and value not in kind["dropdownOptions"]:
            raise Wrong("This is not one of the choices", *path, name)
        if kind["valueType"] == "LINK":
            _check_link(value, *path, name)
        item_id = held[config_id]["id"] if config_id in held else new_id(f"CustomField{_TYPES[kind['valueType']]}")
        values[config_id] = {"id": item_id, "value": value}
    return values


def _check_link(value: Mapping[str, str], *path: str) -> None:
    if value["url"] and not value["url"].startswith(("http://", "https://")):
        raise Wrong("This is not a link", *path, "url")


def _completed(value: Any, empty: Any) -> Any:
    if value is None:
        return empty
    return {**empty, **{k: v for k, v in value.items() if v is not None}} if isinstance(empty, dict) else value
