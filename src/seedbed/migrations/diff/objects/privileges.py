"""Privileges and comments, which any object may have."""

from seedbed.migrations.diff.objects.functions import quote_signature
from seedbed.migrations.diff.statement import Statement
from seedbed.postgres.catalog.model import (
    Composite,
    Constraint,
    Domain,
    Enum,
    Extension,
    Function,
    Index,
    CatalogObject,
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
"""What PostgreSQL grants to everybody when it makes an object."""

_WithoutPrivileges = Extension | Constraint | Index | Trigger | Policy | OtherObject
_WithoutComment = Extension | OtherObject


def change_privileges(old: CatalogObject | None, new: CatalogObject) -> list[Statement]:
    """The grants and revokes between an object as it is, or as it is when newly made, and as it should be."""
    if isinstance(new, _WithoutPrivileges):
        return []
    before: tuple[str, ...] = _DEFAULT_PRIVILEGES.get(type(new), ())
    if old is not None:
        before = () if isinstance(old, _WithoutPrivileges) else old.privileges
    said = _grant_and_revoke(before, new.privileges, _grant_target(new), column=None)
    if isinstance(new, Table):
        known = old.columns_by_name if isinstance(old, Table) else {}
        for column in new.columns:
            mine = known[column.name].privileges if column.name in known else ()
            said += _grant_and_revoke(mine, column.privileges, _grant_target(new), column=column.name)
    return [Statement(sql) for sql in said]


def change_comments(old: CatalogObject | None, new: CatalogObject) -> list[Statement]:
    """The comments that differ, on the object and on its columns."""
    said = []
    if not isinstance(new, _WithoutComment):
        before = None if old is None or isinstance(old, _WithoutComment) else old.comment
        if before != new.comment:
            said.append(f"COMMENT ON {_comment_target(new)} IS {_comment_text(new.comment)}")
    if isinstance(new, Table):
        known = old.columns_by_name if isinstance(old, Table) else {}
        for column in new.columns:
            before = known[column.name].comment if column.name in known else None
            if before != column.comment:
                full = f"{quote_qualified(new.schema, new.name)}.{quote_identifier(column.name)}"
                said.append(f"COMMENT ON COLUMN {full} IS {_comment_text(column.comment)}")
    return [Statement(sql) for sql in said]


def _grant_and_revoke(before: tuple[str, ...], after: tuple[str, ...], target: str, *, column: str | None) -> list[str]:
    said = []
    for word in sorted(set(before) - set(after)):
        role, privilege, _ = _parse_privilege(word, column)
        said.append(f"REVOKE {privilege} ON {target} FROM {role}")
    for word in sorted(set(after) - set(before)):
        role, privilege, option = _parse_privilege(word, column)
        said.append(f"GRANT {privilege} ON {target} TO {role}{option}")
    return said


def _parse_privilege(word: str, column: str | None) -> tuple[str, str, str]:
    role, _, privilege = word.rpartition("=")
    option = " WITH GRANT OPTION" if privilege.endswith("*") else ""
    privilege = privilege.removesuffix("*")
    place = f" ({quote_identifier(column)})" if column else ""
    return role if role == "PUBLIC" else quote_identifier(role), privilege + place, option


def _grant_target(found: CatalogObject) -> str:
    match found:
        case Schema():
            return f"SCHEMA {quote_identifier(found.name)}"
        case Function():
            return f"{'PROCEDURE' if found.kind == 'PROCEDURE' else 'FUNCTION'} {quote_signature(found)}"
        case Sequence():
            return f"SEQUENCE {quote_qualified(found.schema, found.name)}"
        case Domain():
            return f"DOMAIN {quote_qualified(found.schema, found.name)}"
        case Enum() | Composite():
            return f"TYPE {quote_qualified(found.schema, found.name)}"
        case Table() | View():
            return f"TABLE {quote_qualified(found.schema, found.name)}"
        case _:
            raise TypeError(f"{found!r} has no privileges")


def _comment_target(found: CatalogObject) -> str:
    match found:
        case View(materialized=materialized):
            return f"{'MATERIALIZED ' if materialized else ''}VIEW {quote_qualified(found.schema, found.name)}"
        case Constraint():
            return f"CONSTRAINT {_name_on_table(found)}"
        case Trigger():
            return f"TRIGGER {_name_on_table(found)}"
        case Policy():
            return f"POLICY {_name_on_table(found)}"
        case Index():
            return f"INDEX {quote_qualified(found.schema, found.name)}"
        case Function():
            return f"{found.kind} {quote_signature(found)}"
        case _:
            return _grant_target(found)


def _name_on_table(found: Constraint | Trigger | Policy) -> str:
    return f"{quote_identifier(found.name)} ON {quote_qualified(found.schema, found.table)}"


def _comment_text(comment: str | None) -> str:
    return "NULL" if comment is None else quote_literal(comment)
