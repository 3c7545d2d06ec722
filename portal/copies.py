"""A copy of everything that is held of a business, or of one client, for a machine to read: a zip of JSON lines.

It is made while it is sent, row by row, so that it may be as large as it is. Secrets are not in it: they open accounts.
"""

import json
import zipfile
from collections.abc import Iterable, Iterator
from typing import IO, Any, cast

from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Field, Model, QuerySet
from django.http import StreamingHttpResponse

from portal.crypto import EncryptedTextField
from portal.models import Business, Membership, User
from syncs.erasing import Theirs

AT_ONCE = 500
#: Columns by which somebody could come in, or that say nothing without the portal.
_SECRET = ("digest", "lease", "password", "nonce")
#: How much is gathered before it is sent on.
_CHUNK = 64 * 1024
type Part = tuple[str, "QuerySet[Any]"]


class _Pipe:
    """What a zip file writes to; it is taken out at the other end."""

    def __init__(self) -> None:
        self.waiting: list[bytes] = []

    def write(self, some: bytes) -> int:
        self.waiting.append(bytes(some))
        return len(some)

    def flush(self) -> None:
        """Nothing to do."""

    def taken(self) -> bytes:
        found, self.waiting = b"".join(self.waiting), []
        return found

    def is_full(self) -> bool:
        return sum(map(len, self.waiting)) > _CHUNK


def of_business(business: Business) -> list[Part]:
    """Every table that has rows of it. Asked by the business itself, as no scope is open while it is sent."""
    own: list[Part] = [
        ("business", Business.objects.filter(pk=business.pk)),
        ("people", User.objects.filter(memberships__business=business)),
        ("memberships", Membership.objects.filter(business=business)),
    ]
    return own + [
        (str(model._meta.verbose_name_plural), model._base_manager.filter(business_id=business.pk))
        for model in owned()
        if model is not Membership
    ]


def owned() -> list[type[Model]]:
    """Every model whose rows are of one business."""
    ours = [m for label in ("portal", "syncs") for m in apps.get_app_config(label).get_models()]
    return [m for m in ours if any(f.name == "business" for f in m._meta.concrete_fields)]


def of_client(theirs: Theirs) -> list[Part]:
    """Read from the base managers, as above."""
    business_id = theirs.link.business_id
    return [(name, _unscoped(rows, business_id)) for name, rows in theirs.rows().items()]


def _unscoped(rows: QuerySet[Any], business_id: int) -> QuerySet[Any]:
    ids = list(rows.values_list("pk", flat=True))
    found: QuerySet[Any] = rows.model._base_manager.filter(business_id=business_id, pk__in=ids)
    return found


def response(name: str, parts: Iterable[Part]) -> StreamingHttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}.zip"', "Cache-Control": "no-store"}
    return StreamingHttpResponse(zipped(parts), content_type="application/zip", headers=headers)


def zipped(parts: Iterable[Part]) -> Iterator[bytes]:
    pipe = _Pipe()
    with zipfile.ZipFile(cast("IO[bytes]", pipe), "w", zipfile.ZIP_DEFLATED) as file:
        for name, rows in parts:
            with file.open(f"{name.replace(' ', '-')}.jsonl", "w", force_zip64=True) as lines:
                for row in rows.order_by("pk").iterator(AT_ONCE):
                    lines.write(f"{as_json(row)}\n".encode())
                    if pipe.is_full():
                        yield pipe.taken()
    yield pipe.taken()


def as_json(row: Model) -> str:
    values = {f.attname: f.value_from_object(row) for f in row._meta.concrete_fields if not _is_secret(f)}
    return json.dumps(values, cls=DjangoJSONEncoder, ensure_ascii=False)


def _is_secret(column: "Field[Any, Any]") -> bool:
    return isinstance(column, EncryptedTextField) or any(word in column.name for word in _SECRET)
