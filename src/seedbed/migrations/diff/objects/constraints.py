"""Constraints made and dropped."""

import re

from seedbed.migrations.diff.statement import Statement, call, name, qualified, quoted, schema_argument
from seedbed.postgres.catalog.model import Constraint

_TYPES = {"p": "primary", "u": "unique", "f": "foreignkey", "c": "check", "x": None}
_ACTIONS = r"(CASCADE|RESTRICT|SET NULL|SET DEFAULT)"
_FOREIGN = re.compile(
    rf"FOREIGN KEY \(.*?\) REFERENCES [^(]+\(.*?\)(?: ON UPDATE {_ACTIONS})?(?: ON DELETE {_ACTIONS})?"
    r"( DEFERRABLE)?( INITIALLY DEFERRED)?"
)


def made(constraint: Constraint) -> list[Statement]:
    table = qualified(constraint.schema, constraint.table)
    sql = f"ALTER TABLE {table} ADD CONSTRAINT {name(constraint.name)} {constraint.definition}"
    return [Statement(sql, _made_code(constraint))]


def dropped(constraint: Constraint) -> list[Statement]:
    sql = f"ALTER TABLE {qualified(constraint.schema, constraint.table)} DROP CONSTRAINT {name(constraint.name)}"
    kind = _TYPES[constraint.type]
    code = call(
        "op.drop_constraint",
        f"op.f({quoted(constraint.name)})",
        quoted(constraint.table),
        f'type_="{kind}"' if kind else "",
        schema_argument(constraint.schema)[2:],
    )
    return [Statement(sql, code)]


def renamed(old: Constraint, new: Constraint) -> Statement:
    table = qualified(new.schema, new.table)
    return Statement(f"ALTER TABLE {table} RENAME CONSTRAINT {name(old.name)} TO {name(new.name)}")


def inline(constraint: Constraint) -> str | None:
    """The constraint as an argument of `op.create_table`, or None where it has to be added by SQL."""
    title = f"name=op.f({quoted(constraint.name)})"
    columns = ", ".join(map(quoted, constraint.columns))
    plain = ", ".join(map(name, constraint.columns))
    if constraint.type == "p" and constraint.definition == f"PRIMARY KEY ({plain})":
        return f"sa.PrimaryKeyConstraint({columns}, {title})"
    if constraint.type == "u" and constraint.definition == f"UNIQUE ({plain})":
        return f"sa.UniqueConstraint({columns}, {title})"
    if constraint.type == "c" and (expression := _check(constraint)) is not None:
        return f"sa.CheckConstraint({quoted(expression)}, {title})"
    if constraint.type == "f" and (options := _foreign_options(constraint)) is not None:
        schema, table = constraint.references or ("", "")
        prefix = table if schema == "public" else f"{schema}.{table}"
        targets = ", ".join(quoted(f"{prefix}.{column}") for column in constraint.referenced_columns)
        shown = "".join(f", {option}={value!r}".replace("'", '"') for option, value in options.items())
        return f"sa.ForeignKeyConstraint([{columns}], [{targets}], {title}{shown})"
    return None


def _made_code(constraint: Constraint) -> str | None:
    title = f"op.f({quoted(constraint.name)})"
    columns = f"[{', '.join(map(quoted, constraint.columns))}]"
    plain = ", ".join(map(name, constraint.columns))
    schema = schema_argument(constraint.schema)[2:]
    if constraint.type == "p" and constraint.definition == f"PRIMARY KEY ({plain})":
        return call("op.create_primary_key", title, quoted(constraint.table), columns, schema)
    if constraint.type == "u" and constraint.definition == f"UNIQUE ({plain})":
        return call("op.create_unique_constraint", title, quoted(constraint.table), columns, schema)
    if constraint.type == "c" and (expression := _check(constraint)) is not None:
        return call("op.create_check_constraint", title, quoted(constraint.table), quoted(expression), schema)
    if constraint.type == "f" and (options := _foreign_options(constraint)) is not None:
        to_schema, to_table = constraint.references or ("", "")
        targets = f"[{', '.join(map(quoted, constraint.referenced_columns))}]"
        return call(
            "op.create_foreign_key",
            title,
            quoted(constraint.table),
            quoted(to_table),
            columns,
            targets,
            *(f"{option}={value!r}".replace("'", '"') for option, value in options.items()),
            f"source_schema={quoted(constraint.schema)}" if constraint.schema != "public" else "",
            f"referent_schema={quoted(to_schema)}" if to_schema != "public" else "",
        )
    return None


def _check(constraint: Constraint) -> str | None:
    """The expression of a CHECK that is nothing but an expression, and has nothing that Alembic would take for more."""
    matched = re.fullmatch(r"CHECK \((.*)\)", constraint.definition, flags=re.DOTALL)
    if matched is None:
        return None
    expression = matched[1]
    if "%" in expression or re.search(r"(?<!:):(?=\w)", expression):
        return None
    if expression.startswith("(") and expression.endswith(")") and _balanced(expression[1:-1]):
        expression = expression[1:-1]
    return expression


def _balanced(text: str) -> bool:
    depth = 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if depth < 0:
            return False
    return depth == 0


def _foreign_options(constraint: Constraint) -> dict[str, str | bool] | None:
    matched = _FOREIGN.fullmatch(constraint.definition)
    if matched is None:
        return None
    on_update, on_delete, deferrable, deferred = matched.groups()
    options: dict[str, str | bool] = {}
    if on_update:
        options["onupdate"] = on_update
    if on_delete:
        options["ondelete"] = on_delete
    if deferrable:
        options["deferrable"] = True
    if deferred:
        options["initially"] = "DEFERRED"
    return options
