"""Where the tables of a schema are served."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
from sqlalchemy import Column, Integer, MetaData, Table
from sqlalchemy.orm import registry
from sqlmodel import SQLModel
from sqlmodel.main import SQLModelMetaclass

from seedbed.modelling import Schema
from seedbed.serving.resources import path_of, resources


def schema_of(*names: str) -> Schema:
    metadata = MetaData()
    models: dict[str, type[SQLModel]] = {}
    for name in names:
        within, _, plain = name.rpartition(".")
        table = Table(plain, metadata, Column("id", Integer, primary_key=True), schema=within or None)
        models[table.key] = _mapped(table)
    return Schema(metadata, models)


def _mapped(table: Table) -> type[SQLModel]:
    """A model of a table that was there before."""
    made: Any = SQLModelMetaclass("Made", (SQLModel,), {"__annotations__": {"id": int}, "__module__": __name__})
    registry().map_imperatively(made, table)
    return cast("type[SQLModel]", made)


class TestPathOf:
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
        assert path_of(Table(name, MetaData())) == path


class TestResources:
    @pytest.mark.parametrize(
        ("names", "paths"),
        [
            (["user", "task"], ["/tasks", "/users"]),
            (["user", "users"], ["/user", "/users"]),
            (["invoice", "billing.invoice"], ["/billing.invoice", "/invoice"]),
            (["doc", "health"], ["/doc", "/healths"]),
        ],
    )
    def test_have_a_path_each(self, names: Sequence[str], paths: Sequence[str]) -> None:
        assert sorted(resource.path for resource in resources(schema_of(*names))) == paths
