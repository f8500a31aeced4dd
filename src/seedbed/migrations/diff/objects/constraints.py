"""Constraints created, dropped and renamed, as SQL and as Alembic operations."""

import re

from seedbed.migrations.diff.statement import Statement, quote_python, render_call, schema_argument
from seedbed.postgres.catalog.model import Constraint
from seedbed.postgres.quoting import quote_identifier, quote_qualified

_TYPES = {"p": "primary", "u": "unique", "f": "foreignkey", "c": "check", "x": None}
_ACTIONS = r"(CASCADE|RESTRICT|SET NULL|SET DEFAULT)"
_FOREIGN = re.compile(
    rf"FOREIGN KEY \(.*?\) REFERENCES [^(]+\(.*?\)(?: ON UPDATE {_ACTIONS})?(?: ON DELETE {_ACTIONS})?"
    r"( DEFERRABLE)?( INITIALLY DEFERRED)?"
)


def create(constraint: Constraint) -> list[Statement]:
    table = quote_qualified(constraint.schema, constraint.table)
    sql = f"ALTER TABLE {table} ADD CONSTRAINT {quote_identifier(constraint.name)} {constraint.definition}"
    return [Statement(sql, _render_create(constraint))]


def drop(constraint: Constraint) -> list[Statement]:
    table = quote_qualified(constraint.schema, constraint.table)
    sql = f"ALTER TABLE {table} DROP CONSTRAINT {quote_identifier(constraint.name)}"
    alembic_type = _TYPES[constraint.type]
    alembic_call = render_call(
        "op.drop_constraint",
        f"op.f({quote_python(constraint.name)})",
        quote_python(constraint.table),
        f'type_="{alembic_type}"' if alembic_type else "",
        schema_argument(constraint.schema),
    )
    return [Statement(sql, alembic_call)]


def rename(old: Constraint, new: Constraint) -> Statement:
    table = quote_qualified(new.schema, new.table)
    return Statement(
        f"ALTER TABLE {table} RENAME CONSTRAINT {quote_identifier(old.name)} TO {quote_identifier(new.name)}"
    )


def render_inline(constraint: Constraint) -> str | None:
    """Render the constraint as an argument of `op.create_table`, or None where only SQL can add it."""
    name_argument = f"name=op.f({quote_python(constraint.name)})"
    columns = ", ".join(map(quote_python, constraint.columns))
    column_list = ", ".join(map(quote_identifier, constraint.columns))
    if constraint.type == "p" and constraint.definition == f"PRIMARY KEY ({column_list})":
        return f"sa.PrimaryKeyConstraint({columns}, {name_argument})"
    if constraint.type == "u" and constraint.definition == f"UNIQUE ({column_list})":
        return f"sa.UniqueConstraint({columns}, {name_argument})"
    if constraint.type == "c" and (expression := _parse_check(constraint)) is not None:
        return f"sa.CheckConstraint({quote_python(expression)}, {name_argument})"
    if constraint.type == "f" and (options := _parse_foreign_key_options(constraint)) is not None:
        schema, table = constraint.referenced_table or ("", "")
        table_prefix = table if schema == "public" else f"{schema}.{table}"
        targets = ", ".join(quote_python(f"{table_prefix}.{column}") for column in constraint.referenced_columns)
        option_arguments = "".join(f", {option}={value!r}".replace("'", '"') for option, value in options.items())
        return f"sa.ForeignKeyConstraint([{columns}], [{targets}], {name_argument}{option_arguments})"
    return None


def _render_create(constraint: Constraint) -> str | None:
    name_argument = f"op.f({quote_python(constraint.name)})"
    columns = f"[{', '.join(map(quote_python, constraint.columns))}]"
    column_list = ", ".join(map(quote_identifier, constraint.columns))
    schema = schema_argument(constraint.schema)
    if constraint.type == "p" and constraint.definition == f"PRIMARY KEY ({column_list})":
        return render_call("op.create_primary_key", name_argument, quote_python(constraint.table), columns, schema)
    if constraint.type == "u" and constraint.definition == f"UNIQUE ({column_list})":
        return render_call(
            "op.create_unique_constraint", name_argument, quote_python(constraint.table), columns, schema
        )
    if constraint.type == "c" and (expression := _parse_check(constraint)) is not None:
        return render_call(
            "op.create_check_constraint",
            name_argument,
            quote_python(constraint.table),
            quote_python(expression),
            schema,
        )
    if constraint.type == "f" and (options := _parse_foreign_key_options(constraint)) is not None:
        to_schema, to_table = constraint.referenced_table or ("", "")
        targets = f"[{', '.join(map(quote_python, constraint.referenced_columns))}]"
        return render_call(
            "op.create_foreign_key",
            name_argument,
            quote_python(constraint.table),
            quote_python(to_table),
            columns,
            targets,
            *(f"{option}={value!r}".replace("'", '"') for option, value in options.items()),
            f"source_schema={quote_python(constraint.schema)}" if constraint.schema != "public" else "",
            f"referent_schema={quote_python(to_schema)}" if to_schema != "public" else "",
        )
    return None


def _parse_check(constraint: Constraint) -> str | None:
    """The expression of a CHECK, or None where Alembic could not render it unchanged."""
    match = re.fullmatch(r"CHECK \((.*)\)", constraint.definition, flags=re.DOTALL)
    if match is None:
        return None
    expression = match[1]
    if "%" in expression or re.search(r"(?<!:):(?=\w)", expression):
        return None
    if expression.startswith("(") and expression.endswith(")") and _is_balanced(expression[1:-1]):
        expression = expression[1:-1]
    return expression


def _is_balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0


def _parse_foreign_key_options(constraint: Constraint) -> dict[str, str | bool] | None:
    match = _FOREIGN.fullmatch(constraint.definition)
    if match is None:
        return None
    on_update, on_delete, deferrable, initially_deferred = match.groups()
    options: dict[str, str | bool] = {}
    if on_update:
        options["onupdate"] = on_update
    if on_delete:
        options["ondelete"] = on_delete
    if deferrable:
        options["deferrable"] = True
    if initially_deferred:
        options["initially"] = "DEFERRED"
    return options
