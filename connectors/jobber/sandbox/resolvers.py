"""What is behind each field of the stand-in's schema that is no plain value."""

from collections.abc import Callable
from typing import Any, Protocol

from connectors.jobber.sandbox import customfields, invoice_resolvers, listing
from connectors.jobber.sandbox.accounts import Account, Accounts, client_of
from connectors.jobber.sandbox.answers import Asked, Resolvers
from connectors.jobber.sandbox.clients import Client, Wrong
from connectors.jobber.sandbox.invoicing import Invoicing
from connectors.jobber.sandbox.payloads import connections, payload

type Arguments = dict[str, Any]


class Caller(Protocol):
    """Who asks: the app on behalf of an account, or the operator."""

    accounts: Accounts
    invoicing: Invoicing
    operator: bool

    def app(self) -> dict[str, Any]: ...
    def let_go(self, account: Account) -> None: ...
    def now(self) -> str: ...


def _account(source: Any, arguments: Arguments, asked: Asked) -> Account:
    return asked.account


def _client(source: Any, arguments: Arguments, asked: Asked) -> Client | None:
    """Another account's id is nobody here."""
    found: Client | None = asked.account["clients"].get(arguments["id"])
    return found


def _clients(source: Any, arguments: Arguments, asked: Asked) -> dict[str, Any]:
    return listing.clients(asked.account["clients"], arguments)


def _configurations(source: Any, arguments: Arguments, asked: Asked) -> dict[str, Any]:
    wanted = {k: v for k, v in (arguments.get("filter") or {}).items() if v is not None}
    if "createdByThisApp" in wanted:
        wanted["byApp"] = wanted.pop("createdByThisApp")
    every = asked.account["configs"].values()
    return listing.connection([c for c in every if all(c[k] == v for k, v in wanted.items())], arguments)


def _add_configuration(kind: str) -> Callable[[Arguments, Asked], Any]:
    def work(arguments: Arguments, asked: Asked) -> Any:
        accounts: Accounts = asked.caller.accounts
        config_id = accounts.new_id("CustomFieldConfiguration")
        made = customfields.created(asked.account["configs"], kind, config_id, arguments["input"])
        made["byApp"] = not asked.caller.operator
        asked.account["configs"][config_id] = made
        accounts.touch()
        return made

    return work


def _users(source: Any, arguments: Arguments, asked: Asked) -> dict[str, Any]:
    return listing.connection(asked.account["users"], arguments)


def _user(source: Any, arguments: Arguments, asked: Asked) -> dict[str, Any] | None:
    """Who connected the app, where no id is given."""
    users = asked.account["users"]
    wanted = arguments.get("id") or users[0]["id"]
    return next((user for user in users if user["id"] == wanted), None)


def _tags(client: Client, arguments: Arguments, asked: Asked) -> dict[str, Any]:
    return listing.connection(client["tags"], arguments)


def _custom_fields(client: Client, arguments: Arguments, asked: Asked) -> list[dict[str, Any]]:
    return customfields.shown(customfields.of(asked.account["configs"], "ALL_CLIENTS"), client["custom"])


def _create(arguments: Arguments, asked: Asked) -> Client:
    accounts: Accounts = asked.caller.accounts
    return accounts.add(asked.account, arguments["input"])


def _edit(arguments: Arguments, asked: Asked) -> Client:
    accounts: Accounts = asked.caller.accounts
    return accounts.edit(asked.account, client_of(asked.account, arguments["clientId"]), arguments["input"])


def _archive(archived: bool) -> Callable[[Arguments, Asked], Client]:
    def work(arguments: Arguments, asked: Asked) -> Client:
        accounts: Accounts = asked.caller.accounts
        return accounts.archive(asked.account, client_of(asked.account, arguments["clientId"]), archived)

    return work


def _disconnect(arguments: Arguments, asked: Asked) -> dict[str, Any]:
    caller: Caller = asked.caller
    caller.let_go(asked.account)
    return caller.app()


def _add_endpoint(arguments: Arguments, asked: Asked) -> dict[str, Any]:
    caller, given = asked.caller, arguments["input"]
    if not str(given["url"]).startswith(("http://", "https://")):
        raise Wrong("This is not an address", "input", "url")
    now = caller.now()
    made = {
        "id": caller.accounts.new_id("WebhookEndpoint"), "topic": given["topic"], "url": given["url"],
        "createdAt": now, "updatedAt": now,
    }  # fmt: skip
    asked.account["endpoints"][made["id"]] = made
    return made


def _delete_endpoints(arguments: Arguments, asked: Asked) -> list[dict[str, Any]]:
    held, wanted = asked.account["endpoints"], arguments["webhookEndpointsIds"]
    for place, endpoint_id in enumerate(wanted):
        if endpoint_id not in held:
            raise Wrong("There is no such webhook endpoint", "webhookEndpointsIds", f"{place}")
    return [held.pop(endpoint_id) for endpoint_id in dict.fromkeys(wanted)]


RESOLVERS: Resolvers = {
    "Query.account": _account,
    "Query.client": _client,
    "Query.clients": _clients,
    "Query.customFieldConfigurations": _configurations,
    "Query.user": _user,
    "Query.users": _users,
    "Client.tags": _tags,
    "Client.customFields": _custom_fields,
    "Mutation.appDisconnect": payload("app", _disconnect),
    "Mutation.clientArchive": payload("client", _archive(True)),
    "Mutation.clientCreate": payload("client", _create),
    "Mutation.clientEdit": payload("client", _edit),
    "Mutation.clientUnarchive": payload("client", _archive(False)),
    "Mutation.customFieldConfigurationCreateLink": payload("customFieldConfiguration", _add_configuration("LINK")),
    "Mutation.customFieldConfigurationCreateText": payload("customFieldConfiguration", _add_configuration("TEXT")),
    "Mutation.webhookEndpointCreate": payload("webhookEndpoint", _add_endpoint),
    "Mutation.webhookEndpointDelete": payload("deletedWebhookEndpoints", _delete_endpoints),
    "WebhookEndpoint.account": _account,
    "WebhookEndpoint.app": lambda _, __, asked: asked.caller.app(),
    **invoice_resolvers.RESOLVERS,
    **connections("Client"),
    **connections("CustomFieldConfiguration"),
    **connections("Tag"),
    **connections("User"),
}
