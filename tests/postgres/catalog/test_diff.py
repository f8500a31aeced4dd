"""How two catalogs differ, in the words that people and programs read."""

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import pytest

from seedbed.postgres.catalog import Catalog, CatalogObject, find_differences
from seedbed.postgres.catalog.model import (
    Column,
    Composite,
    Constraint,
    Domain,
    Enum,
    Extension,
    Function,
    Index,
    OtherObject,
    Policy,
    Schema,
    Sequence,
    Table,
    Trigger,
    View,
)

pytestmark = pytest.mark.unit

COLUMN = Column("title", "text", False, None, None, None, None, None, None)
TABLE = Table("app", "task", "table", False, (COLUMN,), (), None, None, (), False, False, None, ())
WORDS: list[tuple[CatalogObject, str]] = [
    (Schema("app"), "comment privileges"),
    (Extension("citext", "public"), "schema"),
    (
        TABLE,
        "kind unlogged parents partition_key partition_bound options row_security forced_row_security comment"
        " privileges",
    ),
    (
        Constraint("app", "task", "task_key", "u", "UNIQUE (title)", ("title",), None, (), None),
        "type definition columns references referenced_columns comment",
    ),
    (
        Index("app", "task", "ix_task", "CREATE INDEX", False, True, ("title",), None),
        "definition unique valid columns comment",
    ),
    (
        Sequence("public", "number", "bigint", 1, 1, 1, 9, 1, False, None, None, ()),
        "type start increment minimum maximum cache cycle owned_by comment privileges",
    ),
    (Enum("app", "state", ("open",), None, ()), "labels comment privileges"),
    (
        Domain("app", "amount", "numeric", False, None, None, (), None, ()),
        "type not_null default collation checks comment privileges",
    ),
    (Composite("app", "point", "(x integer)", None, ()), "definition comment privileges"),
    (
        View("app", "open", False, "SELECT 1", (), (), None, ()),
        "materialized definition options columns comment privileges",
    ),
    (
        Function("app", "f(integer)", "FUNCTION", "sql", None, "SELECT 1", True, None, ()),
        "kind language result definition string_body comment privileges",
    ),
    (Trigger("app", "task", "touch", "CREATE TRIGGER", "O", None), "definition enabled comment"),
    (
        Policy("app", "task", "own", "ALL", True, ("PUBLIC",), None, None, None),
        "command permissive roles using check comment",
    ),
    (OtherObject("rule", "app", "quiet", "DO NOTHING"), "definition"),
]


def catalog(found: CatalogObject) -> Catalog:
    return Catalog({found.key: found}, {}, 18)


def changed(value: Any) -> Any:
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case tuple():
            return (*value, "more")
    return f"{value} more" if value else "more"


def variants(found: Any) -> Iterator[Any]:
    """An object with each of its fields changed, but for those that its key is made of and a table's columns."""
    for field in fields(found):
        other = replace(found, **{field.name: changed(getattr(found, field.name))})
        if field.compare and getattr(other, "key", None) == getattr(found, "key", None):
            yield other


class TestDifferences:
    @pytest.mark.parametrize(("found", "words"), WORDS, ids=[type(found).__name__ for found, _ in WORDS])
    def test_name_each_fact_of_an_object(self, found: CatalogObject, words: str) -> None:
        others = [other for other in variants(found) if not isinstance(other, Table) or other.columns == (COLUMN,)]

        named = [one.attribute for other in others for one in find_differences(catalog(found), catalog(other))]

        assert " ".join(named) == words
        assert len(others) == len(named)

    def test_name_each_fact_of_a_column(self) -> None:
        others = [replace(TABLE, columns=(column,)) for column in variants(COLUMN) if column.name == COLUMN.name]

        named = [one.attribute for other in others for one in find_differences(catalog(TABLE), catalog(other))]

        assert " ".join(named) == (
            "type not_null default generated identity identity_options collation comment privileges"
            " unvalidated_not_null"
        )
        assert len(others) == len(named)

    def test_say_what_is_and_what_should_be(self) -> None:
        found = replace(TABLE, columns=(replace(COLUMN, default="'new'"),))

        assert list(map(str, find_differences(catalog(found), catalog(TABLE)))) == [
            "column app.task.title: default is 'new', should be none"
        ]

    def test_name_the_kinds_of_types(self) -> None:
        enum = Enum("app", "size", ("S",), None, ())
        domain = Domain("app", "size", "text", False, None, None, (), None, ())
        composite = Composite("app", "size", "(x integer)", None, ())

        assert [
            str(one)
            for found, wanted in ((enum, domain), (composite, enum))
            for one in find_differences(catalog(found), catalog(wanted))
        ] == ["type app.size: kind is Enum, should be Domain", "type app.size: kind is Composite, should be Enum"]
