"""Where the tables of a schema are served."""

from collections.abc import Sequence

import pytest
from sqlalchemy import Column, Integer, MetaData, Table
from sqlmodel import SQLModel

from seedbed.modelling import Schema
from seedbed.serving.routes import path_of, served_tables


def schema_of(*names: str) -> Schema:
    metadata = MetaData()
    for name in names:
        within, _, plain = name.rpartition(".")
        Table(plain, metadata, Column("id", Integer, primary_key=True), schema=within or None)
    return Schema(metadata, dict.fromkeys(metadata.tables, SQLModel))


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


class TestServedTables:
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
        assert sorted(served_tables(schema_of(*names)).values()) == paths
