"""What is behind each field of the stand-in's schema that is no plain value."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from connectors.jobber.sandbox import customfields, listing
from connectors.jobber.sandbox.accounts import Account, Accounts, client_of
from connectors.jobber.sandbox.answers import Asked, Resolvers
from connectors.jobber.sandbox.clients import Client, Wrong

type Arguments = dict[str, Any]
#: Scope that a root field takes.
READ, WRITE = "read_clients", "write_clients"
SCOPES = {
    "client": READ, "clients": READ, "customFieldConfigurations": "read_custom_field_configurations",
    "users": "read_users", "clientArchive": WRITE, "clientCreate": WRITE, "clientEdit": WRITE,
    "clientUnarchive": WRITE,
}  # fmt: skip


class Caller(Protocol):
    """Who asks: the app on behalf of an account, or the operator."""

    accounts: Accounts

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
    return listing.connection(list(asked.account["configs"].values()), arguments)


def _users(source: Any, arguments: Arguments, asked: Asked) -> dict[str, Any]:
    return listing.connection(asked.account["users"], arguments)


def _tags(client: Client, arguments: Arguments, asked: Asked) -> dict[str, Any]:
    return listing.connection(client["tags"], arguments)


def _custom_fields(client: Client, arguments: Arguments, asked: Asked) -> list[dict[str, Any]]:
    return customfields.shown(asked.account["configs"], client["custom"])


def _payload(name: str, work: Callable[[Arguments, Asked], Any]) -> Callable[[Any, Arguments, Asked], dict[str, Any]]:
    """A mutation's answer: what was made, or the reason in userErrors."""

    def resolve(source: Any, arguments: Arguments, asked: Asked) -> dict[str, Any]:
        try:
            return {name: work(arguments, asked), "userErrors": []}
        except Wrong as wrong:
            return {name: None, "userErrors": [{"message": wrong.message, "path": wrong.path}]}

    return resolve


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


def _connections(kind: str) -> Mapping[str, Callable[[Any, Arguments, Asked], Any]]:
    return {
        f"{kind}Connection.pageInfo": lambda found, _, __: listing.page_info(found),
        f"{kind}Connection.edges": lambda found, _, __: listing.edges(found),
    }


RESOLVERS: Resolvers = {
    "Query.account": _account,
    "Query.client": _client,
    "Query.clients": _clients,
    "Query.customFieldConfigurations": _configurations,
    "Query.users": _users,
    "Client.tags": _tags,
    "Client.customFields": _custom_fields,
    "Mutation.appDisconnect": _payload("app", _disconnect),
    "Mutation.clientArchive": _payload("client", _archive(True)),
    "Mutation.clientCreate": _payload("client", _create),
    "Mutation.clientEdit": _payload("client", _edit),
    "Mutation.clientUnarchive": _payload("client", _archive(False)),
    "Mutation.webhookEndpointCreate": _payload("webhookEndpoint", _add_endpoint),
    "Mutation.webhookEndpointDelete": _payload("deletedWebhookEndpoints", _delete_endpoints),
    "WebhookEndpoint.account": _account,
    "WebhookEndpoint.app": lambda _, __, asked: asked.caller.app(),
    **_connections("Client"),
    **_connections("CustomFieldConfiguration"),
    **_connections("Tag"),
    **_connections("User"),
}
