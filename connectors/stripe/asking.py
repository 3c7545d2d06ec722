"""Reading lists and single objects of one account, as plain JSON."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from connectors.errors import ContractError, MissingError
from connectors.stripe.records import Json
from connectors.stripe.sending import Sender

PAGE = 100


class Asking:
    """Paths are those of the API without '/v1/': 'invoices'."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    def page(self, path: str, params: Mapping[str, Any], name: str = "") -> tuple[list[Json], bool]:
        """Up to 100 rows, newest first, and whether there are more. `name`: what the pacing calls the endpoint."""
        found = self._sender.get(
            f"GET {name or path}", f"/v1/{path}", {**params, "limit": PAGE}, "data", "has_more"
        )  # fmt: skip
        rows = found["data"]
        if not isinstance(rows, list) or not all(isinstance(row, dict) and "id" in row for row in rows):
            raise ContractError("Stripe's list is not as we know it.")
        return rows, bool(found["has_more"]) and bool(rows)

    def everything(
        self, path: str, params: Mapping[str, Any], name: str = "", first: Mapping[str, Any] | None = None
    ) -> list[Json]:
        """All rows of a list, of which `first` may be its first page, as an object shows it inside itself."""
        rows = list(first["data"]) if first else []
        more = bool(first["has_more"]) if first else True
        while more:
            after = {"starting_after": rows[-1]["id"]} if rows else {}
            found, more = self.page(path, {**params, **after}, name)
            rows += found
        return rows

    def one(self, singular: str, plural: str, identity: str, expand: tuple[str, ...] = ()) -> Json | None:
        """None where there is no such object, or no longer."""
        asked = {"expand": list(expand)} if expand else {}
        try:
            found = self._sender.get(f"GET {singular}/{{id}}", f"/v1/{plural}/{quoted(identity)}", asked, "id")
        except MissingError:
            return None
        return None if found.get("deleted") else found


def quoted(identity: str) -> str:
    return quote(identity, safe="")
