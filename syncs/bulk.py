"""Many rows stored at once, each with its own values, in one statement.

Measured beside bulk_create and bulk_update: a third of the CPU time for the same rows. Beside executemany: a tenth of
the time that SQLite is locked for all others, since Python gives its lock away for every row it stores.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import batched
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

#: Values that every database takes as they are, and the fields whose values may be just these.
_AS_IT_IS = frozenset({str, int, float, bool, type(None)})
_PLAIN = frozenset(
    {
        models.BigAutoField, models.BooleanField, models.CharField, models.FloatField, models.ForeignKey,
        models.IntegerField, models.BigIntegerField, models.PositiveIntegerField, models.PositiveSmallIntegerField,
        models.TextField,
    }
)  # fmt: skip
type Prepare = Callable[[Any], Any]
type Fields = tuple["models.Field[Any, Any]", ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with the values of any number of rows between `head` and `tail`: names come from the models alone, the
    values are parameters."""

    fields: Fields
    head: str
    tail: str = ""

    def run(self, rows: Sequence[models.Model]) -> None:
        database = connections[DEFAULT_DB_ALIAS]
        ways = [(f.attname, _way(database, f)) for f in self.fields]
        self.store([[prepare(getattr(row, name)) for name, prepare in ways] for row in rows])

    def store(self, rows: Sequence[Sequence[Any]], same: Sequence[Any] = ()) -> None:
        """Rows of values as the database takes them; `same` are the parameters in `head`."""
        places = f"({', '.join(['%s'] * len(self.fields))})"
        most = ((connection.features.max_query_params or 65535) - len(same)) // len(self.fields)
        with connection.cursor() as cursor:
            for some in batched(rows, most):
                values = [*same, *(value for row in some for value in row)]
                cursor.execute(f"{self.head}{', '.join([places] * len(some))}{self.tail}", values)


def update_each(rows: Sequence[models.Model], names: tuple[str, ...], *, by: str = "id") -> None:
    """Write these fields of the rows back where `by` is the same; a row that is gone meanwhile stays gone."""
    if rows:
        _update(type(rows[0]), names, by).run(rows)


def insert_each(rows: Sequence[models.Model]) -> None:
    """New rows; their primary keys are not learnt."""
    if rows:
        _insert(type(rows[0])).run(rows)


def insert_alike(one: models.Model, names: tuple[str, ...], rows: Iterable[Sequence[Any]]) -> None:
    """New rows that are like `one` but for these fields, whose values `rows` has; primary keys are not learnt."""
    statement, database = _insert_alike(type(one), names), connections[DEFAULT_DB_ALIAS]
    ways = [_way(database, f) for f in statement.fields]
    found = [[prepare(value) for prepare, value in zip(ways, row, strict=True)] for row in rows]
    if found:
        same = [_way(database, f)(getattr(one, f.attname)) for f in _others(type(one), statement.fields)]
        statement.store(found, same)


def upsert_each(rows: Sequence[models.Model], unique: tuple[str, ...], names: tuple[str, ...]) -> None:
    """New rows, or these fields of the row that has the same unique ones; primary keys are not learnt."""
    if rows:
        _upsert(type(rows[0]), unique, names).run(rows)


def insert_or_change(row: models.Model, unique: tuple[str, ...], changes: str) -> None:
    """A new row, or these changes to the one that has the same unique fields. `changes` is SQL made of constants:
    `{now}` stands for the row that is there, `excluded` for the new one."""
    _insert_or_change(type(row), unique, changes).run([row])


@lru_cache(maxsize=1024)
def _way(database: BaseDatabaseWrapper, field: "models.Field[Any, Any]") -> Prepare:
    """What Django makes of a value of this field before it is stored. Where that is nothing, it is not asked. Kept for
    each thread: every webhook has a row or two."""

    def by_field(value: Any) -> Any:
        return field.get_db_prep_save(value, database)

    def by_type(value: Any) -> Any:
        return value if type(value) in _AS_IT_IS else field.get_db_prep_save(value, database)

    def moment(value: Any) -> Any:
        return None if value is None else database.ops.adapt_datetimefield_value(value)

    if type(field) is models.DateTimeField:
        return moment
    return by_type if type(field) in _PLAIN else by_field


@cache
def _update(model: type[models.Model], names: tuple[str, ...], by: str) -> Statement:
    fields = _fields(model, names)
    changes = ", ".join(f"{_column(f)} = {_new(f, n)}" for n, f in enumerate(fields, 1))
    (key,) = _fields(model, (by,))
    same = f"{_table(model)}.{_column(key)} = {_new(key, len(fields) + 1)}"
    head = f"UPDATE {_table(model)} SET {changes} FROM (VALUES "  # noqa: S608  # see Statement
    return Statement((*fields, key), head, f") AS new WHERE {same}")


def _new(field: "models.Field[Any, Any]", number: int) -> str:
    """The nth value of a row."""
    return _typed(f"new.column{number}", field)


def _typed(value: str, field: "models.Field[Any, Any]") -> str:
    """PostgreSQL takes a value for text unless told otherwise."""
    return value if connection.vendor == "sqlite" else f"CAST({value} AS {field.rel_db_type(connection)})"


@cache
def _insert(model: type[models.Model]) -> Statement:
    fields = tuple(f for f in model._meta.concrete_fields if not f.primary_key)
    head = f"INSERT INTO {_table(model)} ({', '.join(map(_column, fields))}) VALUES "  # noqa: S608  # see Statement
    return Statement(fields, head)


@cache
def _insert_alike(model: type[models.Model], names: tuple[str, ...]) -> Statement:
    fields = _fields(model, names)
    others = _others(model, fields)
    columns = ", ".join(map(_column, (*others, *fields)))
    values = ", ".join([*(_typed("%s", f) for f in others), *(_new(f, n) for n, f in enumerate(fields, 1))])
    head = f"INSERT INTO {_table(model)} ({columns}) SELECT {values} FROM (VALUES "  # noqa: S608  # see Statement
    return Statement(fields, head, ") AS new")


def _others(model: type[models.Model], fields: Fields) -> Fields:
    return tuple(f for f in model._meta.concrete_fields if not f.primary_key and f not in fields)


@cache
def _upsert(model: type[models.Model], unique: tuple[str, ...], names: tuple[str, ...]) -> Statement:
    changes = ", ".join(f"{_column(f)} = excluded.{_column(f)}" for f in _fields(model, names))
    return _insert_or_change(model, unique, changes)


@cache
def _insert_or_change(model: type[models.Model], unique: tuple[str, ...], changes: str) -> Statement:
    insert = _insert(model)
    same = ", ".join(map(_column, _fields(model, unique)))
    tail = f" ON CONFLICT ({same}) DO UPDATE SET {changes.format(now=_table(model))}"
    return Statement(insert.fields, insert.head, tail)


def _fields(model: type[models.Model], names: tuple[str, ...]) -> Fields:
    """By field name or by attribute name (link or link_id)."""
    known = {name: f for f in model._meta.concrete_fields for name in (f.name, f.attname)}
    return tuple(known[name] for name in names)


def _column(field: "models.Field[Any, Any]") -> str:
    return connection.ops.quote_name(str(field.column))


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)
