"""Privileges and comments of objects and columns."""

from seedbed.migrations.diff.objects.functions import quote_signature
from seedbed.migrations.diff.statement import Statement
from seedbed.postgres.catalog.model import (
    CatalogObject,
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
from seedbed.postgres.quoting import quote_identifier, quote_literal, quote_qualified

_DEFAULT_PRIVILEGES = {
    Function: ("PUBLIC=EXECUTE",),
    Enum: ("PUBLIC=USAGE",),
    Domain: ("PUBLIC=USAGE",),
    Composite: ("PUBLIC=USAGE",),
}
"""What PostgreSQL grants to PUBLIC when it creates an object."""

_WithoutPrivileges = Extension | Constraint | Index | Trigger | Policy | OtherObject
_WithoutComment = Extension | OtherObject


def change_privileges(old: CatalogObject | None, new: CatalogObject) -> list[Statement]:
    """Grant and revoke what differs from the old object, or from a new object's default privileges."""
    if isinstance(new, _WithoutPrivileges):
        return []
    before: tuple[str, ...] = _DEFAULT_PRIVILEGES.get(type(new), ())
    if old is not None:
        before = () if isinstance(old, _WithoutPrivileges) else old.privileges
    statements = _grant_and_revoke(before, new.privileges, _grant_target(new), column=None)
    if isinstance(new, Table):
        old_columns = old.columns_by_name if isinstance(old, Table) else {}
        for column in new.columns:
            old_privileges = old_columns[column.name].privileges if column.name in old_columns else ()
            statements += _grant_and_revoke(old_privileges, column.privileges, _grant_target(new), column=column.name)
    return [Statement(sql) for sql in statements]


def change_comments(old: CatalogObject | None, new: CatalogObject) -> list[Statement]:
    """Set the comments that differ, on an object and its columns."""
    statements = []
    if not isinstance(new, _WithoutComment):
        before = None if old is None or isinstance(old, _WithoutComment) else old.comment
        if before != new.comment:
            statements.append(f"COMMENT ON {_comment_target(new)} IS {_comment_text(new.comment)}")
    if isinstance(new, Table):
        old_columns = old.columns_by_name if isinstance(old, Table) else {}
        for column in new.columns:
            before = old_columns[column.name].comment if column.name in old_columns else None
            if before != column.comment:
                column_name = f"{quote_qualified(new.schema, new.name)}.{quote_identifier(column.name)}"
                statements.append(f"COMMENT ON COLUMN {column_name} IS {_comment_text(column.comment)}")
    return [Statement(sql) for sql in statements]


def _grant_and_revoke(before: tuple[str, ...], after: tuple[str, ...], target: str, *, column: str | None) -> list[str]:
    statements = []
    for acl_item in sorted(set(before) - set(after)):
        role, privilege, _ = _parse_privilege(acl_item, column)
        statements.append(f"REVOKE {privilege} ON {target} FROM {role}")
    for acl_item in sorted(set(after) - set(before)):
        role, privilege, option = _parse_privilege(acl_item, column)
        statements.append(f"GRANT {privilege} ON {target} TO {role}{option}")
    return statements


def _parse_privilege(acl_item: str, column: str | None) -> tuple[str, str, str]:
    role, _, privilege = acl_item.rpartition("=")
    option = " WITH GRANT OPTION" if privilege.endswith("*") else ""
    privilege = privilege.removesuffix("*")
    column_clause = f" ({quote_identifier(column)})" if column else ""
    return role if role == "PUBLIC" else quote_identifier(role), privilege + column_clause, option


def _grant_target(obj: CatalogObject) -> str:
    match obj:
        case Schema():
            return f"SCHEMA {quote_identifier(obj.name)}"
        case Function():
            return f"{'PROCEDURE' if obj.kind == 'PROCEDURE' else 'FUNCTION'} {quote_signature(obj)}"
        case Sequence():
            return f"SEQUENCE {quote_qualified(obj.schema, obj.name)}"
        case Domain():
            return f"DOMAIN {quote_qualified(obj.schema, obj.name)}"
        case Enum() | Composite():
            return f"TYPE {quote_qualified(obj.schema, obj.name)}"
        case Table() | View():
            return f"TABLE {quote_qualified(obj.schema, obj.name)}"
        case _:
            raise TypeError(f"{obj!r} has no privileges")


def _comment_target(obj: CatalogObject) -> str:
    match obj:
        case View(materialized=materialized):
            return f"{'MATERIALIZED ' if materialized else ''}VIEW {quote_qualified(obj.schema, obj.name)}"
        case Constraint():
            return f"CONSTRAINT {_name_on_table(obj)}"
        case Trigger():
            return f"TRIGGER {_name_on_table(obj)}"
        case Policy():
            return f"POLICY {_name_on_table(obj)}"
        case Index():
            return f"INDEX {quote_qualified(obj.schema, obj.name)}"
        case Function():
            return f"{obj.kind} {quote_signature(obj)}"
        case _:
            return _grant_target(obj)


def _name_on_table(obj: Constraint | Trigger | Policy) -> str:
    return f"{quote_identifier(obj.name)} ON {quote_qualified(obj.schema, obj.table)}"


def _comment_text(comment: str | None) -> str:
    return "NULL" if comment is None else quote_literal(comment)
