"""Indexes made and dropped."""

import re

from seedbed.migrating.comparing.statements import Statement, call, name, qualified, quoted, schema_argument
from seedbed.postgres.catalogue.model import Index


def made(index: Index) -> list[Statement]:
    plain = ", ".join(map(name, index.columns))
    simple = rf"CREATE (UNIQUE )?INDEX .+ ON (ONLY )?\S+ USING btree \({re.escape(plain)}\)"
    code = None
    if plain and re.fullmatch(simple, index.definition):
        code = call(
            "op.create_index",
            f"op.f({quoted(index.name)})",
            quoted(index.table),
            f"[{', '.join(map(quoted, index.columns))}]",
            f"unique={index.unique}",
            schema_argument(index.schema)[2:],
        )
    return [Statement(index.definition.replace(" ON ONLY ", " ON "), code)]


def dropped(index: Index) -> list[Statement]:
    code = call(
        "op.drop_index",
        f"op.f({quoted(index.name)})",
        f"table_name={quoted(index.table)}",
        schema_argument(index.schema)[2:],
    )
    return [Statement(f"DROP INDEX {qualified(index.schema, index.name)}", code)]


def renamed(old: Index, new: Index) -> Statement:
    return Statement(f"ALTER INDEX {qualified(old.schema, old.name)} RENAME TO {name(new.name)}")


def nameless(index: Index) -> str:
    """The definition without the index's own name, by which a renamed one is recognised."""
    return index.definition.replace(f" INDEX {name(index.name)} ON ", " INDEX ON ", 1)
