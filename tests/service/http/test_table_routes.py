"""The paths of a schema's tables."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
from sqlalchemy import Column, Integer, MetaData, Table
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel
from sqlmodel.main import SQLModelMetaclass

from seedbed.schema import Schema
from seedbed.service.http.table_routes import TableRouter
from seedbed.service.queries.list_query import CursorSigner
from seedbed.service.queries.resources import Resource, build_path, build_resources

pytestmark = pytest.mark.unit


def schema_of(*names: str) -> Schema:
    metadata = MetaData()
    models: dict[str, type[SQLModel]] = {}
    for name in names:
        within, _, plain = name.rpartition(".")
        table = Table(plain, metadata, Column("id", Integer, primary_key=True), schema=within or None)
        models[table.key] = _mapped(table)
    return Schema(metadata, models)


def _mapped(table: Table) -> type[SQLModel]:
    """Map a model to an existing table."""
    made: Any = SQLModelMetaclass("Made", (SQLModel,), {"__annotations__": {"id": int}, "__module__": __name__})
    registry().map_imperatively(made, table)
    return cast("type[SQLModel]", made)


KEYED = MetaData()


class Setting(SQLModel, table=True):
    metadata = KEYED
    name: str = Field(primary_key=True)
    scope: str = Field(primary_key=True)


class Counter(SQLModel, table=True):
    metadata = KEYED
    id: int = Field(primary_key=True)


async def fetch_nothing(*_: Any, **__: Any) -> Any:
    return []


class TestBuildPath:
    @pytest.mark.parametrize(
        ("name", "path"),
        [
            ("user", "/users"),
            ("users", "/users"),
            ("category", "/categories"),
            ("day", "/days"),
            ("box", "/boxes"),
            ("branch", "/branches"),
            ("address", "/address"),
        ],
    )
    def test_is_the_name_in_the_plural(self, name: str, path: str) -> None:
        assert build_path(Table(name, MetaData())) == path


class TestBuildResources:
    @pytest.mark.parametrize(
        ("names", "paths"),
        [
            (["user", "task"], ["/tasks", "/users"]),
            (["user", "users"], ["/user", "/users"]),
            (["invoice", "billing.invoice"], ["/billing.invoice", "/invoice"]),
            (["doc", "health"], ["/doc", "/healths"]),
            (["docs", "metrics"], ["/public.docs", "/public.metrics"]),
            (["docs", "docs.docs"], ["/docs.docs", "/public.docs"]),
            (["a b", "a-b"], ["/a-b", "/public.a-b"]),
        ],
    )
    def test_assigns_each_table_its_own_path(self, names: Sequence[str], paths: Sequence[str]) -> None:
        assert sorted(resource.path for resource in build_resources(schema_of(*names))) == paths


class TestMatch:
    @pytest.mark.parametrize(
        ("path", "key"),
        [
            (b"/settings/theme/user", ("theme", "user")),
            (b"/settings//user", ("", "user")),
            (b"/settings/theme/", ("theme", "")),
            (b"/settings//", ("", "")),
            (b"/settings/theme", None),
            (b"/settings/theme/user/", None),
            (b"/counters/", None),
        ],
    )
    def test_reads_an_empty_segment_as_an_empty_text_key(self, path: bytes, key: tuple[str, ...] | None) -> None:
        served: list[Resource] = build_resources(Schema(KEYED, {"setting": Setting, "counter": Counter}))
        tables = TableRouter(served, fetch_nothing, CursorSigner(b"key"), deadline=1)

        found = tables.match({"path": path.decode(), "raw_path": path})

        assert (found.key if found is not None else None) == key
