"""Indexes created, dropped and renamed, with and without CONCURRENTLY."""

import re

from seedbed.migrations.diff.statement import Statement, quote_python, render_call, schema_argument
from seedbed.postgres.catalog.model import Constraint, Index
from seedbed.postgres.quoting import quote_identifier, quote_qualified


def create(index: Index) -> list[Statement]:
    alembic_call = None
    if _has_plain_columns(index):
        alembic_call = render_call(
            "op.create_index",
            f"op.f({quote_python(index.name)})",
            quote_python(index.table),
            f"[{', '.join(map(quote_python, index.columns))}]",
            f"unique={index.unique}",
            schema_argument(index.schema),
        )
    return [Statement(index.definition.replace(" ON ONLY ", " ON "), alembic_call)]


def drop(index: Index) -> list[Statement]:
    alembic_call = render_call(
        "op.drop_index",
        f"op.f({quote_python(index.name)})",
        f"table_name={quote_python(index.table)}",
        schema_argument(index.schema),
    )
    return [Statement(f"DROP INDEX {quote_qualified(index.schema, index.name)}", alembic_call)]


def create_concurrently(index: Index, *, temporary_name: str | None = None) -> Statement:
    """Build an index while its table is in use, under a temporary name where one is given."""
    name = temporary_name or index.name
    head = f"CREATE {'UNIQUE ' if index.unique else ''}INDEX "
    definition = index.definition.removeprefix(f"{head}{quote_identifier(index.name)} ")
    alembic_call = (
        render_create_concurrently(index, name, index.columns, unique=index.unique)
        if _has_plain_columns(index)
        else None
    )
    return Statement(f"{head}CONCURRENTLY IF NOT EXISTS {quote_identifier(name)} {definition}", alembic_call)


def render_create_concurrently(owner: Index | Constraint, name: str, columns: tuple[str, ...], *, unique: bool) -> str:
    return render_call(
        "op.create_index",
        f"op.f({quote_python(name)})",
        quote_python(owner.table),
        f"[{', '.join(map(quote_python, columns))}]",
        f"unique={unique}",
        schema_argument(owner.schema),
        "postgresql_concurrently=True",
        "if_not_exists=True",
    )


def drop_concurrently(index: Index) -> Statement:
    alembic_call = render_call(
        "op.drop_index",
        f"op.f({quote_python(index.name)})",
        f"table_name={quote_python(index.table)}",
        schema_argument(index.schema),
        "postgresql_concurrently=True",
        "if_exists=True",
    )
    return Statement(f"DROP INDEX CONCURRENTLY IF EXISTS {quote_qualified(index.schema, index.name)}", alembic_call)


def rename(old: Index, new: Index) -> Statement:
    return Statement(f"ALTER INDEX {quote_qualified(old.schema, old.name)} RENAME TO {quote_identifier(new.name)}")


def strip_name(index: Index) -> str:
    """The definition without the index's name, to recognize a renamed index."""
    return index.definition.replace(f" INDEX {quote_identifier(index.name)} ON ", " INDEX ON ", 1)


def _has_plain_columns(index: Index) -> bool:
    """Whether an index covers nothing but columns, so that Alembic can express it."""
    column_list = ", ".join(map(quote_identifier, index.columns))
    pattern = rf"CREATE (UNIQUE )?INDEX .+ ON (ONLY )?\S+ USING btree \({re.escape(column_list)}\)"
    return bool(column_list) and re.fullmatch(pattern, index.definition) is not None
