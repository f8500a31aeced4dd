"""Columns that get another type or name, and exist in both forms until no program uses the old one."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from seedbed.errors import UnknownTypeConversion
from seedbed.migrations.diff.backfill_expressions import ValueSources
from seedbed.migrations.diff.catalog_diff import CatalogDiff
from seedbed.migrations.diff.dependents import are_comparable, find_column
from seedbed.migrations.diff.objects import constraints, indexes
from seedbed.migrations.diff.objects.columns import render_column
from seedbed.migrations.diff.statement import Statement
from seedbed.migrations.diff.types.conversion_rules import needs_no_rewrite, strip_modifier
from seedbed.migrations.diff.types.using_expressions import find_using_expression
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import CatalogObject, Column, Constraint, Index, ObjectKey, Table, Trigger
from seedbed.postgres.quoting import (
    ColumnName,
    delimit_identifier,
    quote_identifier,
    quote_qualified,
    truncate_identifier,
)

_PLAIN_NAME = re.compile(r"[a-z_][a-z0-9_]*")
_SESSION_INDEPENDENT_TEXT = frozenset(
    {"text", "character varying", "character", "json", "jsonb", "smallint", "integer", "bigint", "numeric", "boolean"}
    | {"uuid", "bytea", "inet", "cidr", "macaddr", "name"}
)
"""Types whose text form does not depend on session settings; bytes are converted as UTF-8."""
_WITHOUT_EQUALITY = frozenset({"json", "xml", "point", "polygon", "path", "line", "lseg", "box", "circle"})

IndexOrConstraint = Index | Constraint


@dataclass(frozen=True)
class ColumnExpansion:
    """A column of a kept table, in its old and its new form.

    `up_expression` computes the new value from a row's columns, and `down_expression` the old one. `copies` are the
    indexes and constraints that the new column needs during the expansion, by their names at that time.
    """

    table: Table
    old: Column
    new: Column
    up_expression: str
    down_expression: str
    copies: Mapping[str, IndexOrConstraint]

    @property
    def expanded_name(self) -> str:
        """The new column's name while the old one exists."""
        return _expanded_name(self.old.name, self.new.name)

    @property
    def old_path(self) -> ColumnName:
        return (self.table.schema, self.table.name, self.old.name)

    @property
    def function_key(self) -> ObjectKey:
        return ("function", self.table.schema, f"{_format_identifier(self._function_name)}()")

    @property
    def trigger_key(self) -> ObjectKey:
        return ("trigger", self.table.schema, self.table.name, sync_trigger_name(self.expanded_name))

    @property
    def new_path(self) -> ColumnName:
        return (self.table.schema, self.table.name, self.expanded_name)

    @property
    def _function_name(self) -> str:
        return truncate_identifier(f"sync_{self.table.name}_{self.expanded_name}", "")

    def create(self) -> Iterable[Statement]:
        """Create the new column with its trigger, indexes and constraints, in the database before the change."""
        table_name = quote_qualified(self.table.schema, self.table.name)
        column = render_column(replace(self.new, name=self.expanded_name, default=None), not_null=False)
        yield Statement(f"ALTER TABLE {table_name} ADD COLUMN {column}")
        function = quote_qualified(self.table.schema, self._function_name)
        settings, body = self._function_settings(), self._function_body()
        yield Statement(f"CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql{settings} AS $$\n{body}$$")
        yield Statement(
            f"CREATE TRIGGER {quote_identifier(self.trigger_key[3])} BEFORE INSERT OR UPDATE ON {table_name}"
            f" FOR EACH ROW EXECUTE FUNCTION {function}()"
        )
        for name, copy in self.copies.items():
            renamed = replace(copy, name=name, definition=self._adapt_definition(copy, name))
            yield from indexes.create(renamed) if isinstance(renamed, Index) else constraints.create(renamed)

    def _adapt_definition(self, copied: IndexOrConstraint, name: str) -> str:
        """A definition with the names of the expansion in place of the final ones."""
        definition = copied.definition
        if isinstance(copied, Index):
            definition = definition.replace(
                f"INDEX {quote_identifier(copied.name)} ON", f"INDEX {quote_identifier(name)} ON", 1
            )
            head, using, rest = definition.partition(" USING ")
            return head + using + _replace_word(rest, self.new.name, self.expanded_name)
        head, references, rest = definition.partition(" REFERENCES ")
        return _replace_word(head, self.new.name, self.expanded_name) + references + rest

    def _function_settings(self) -> str:
        """Settings of the trigger function: a client's session may format dates, intervals and floats in another
        way.
        """
        type_names = {
            strip_modifier(self.old.type.removesuffix("[]")),
            strip_modifier(self.new.type.removesuffix("[]")),
        }
        text_types = type_names & {"text", "character varying", "character", "json", "jsonb"}
        if self.old.type == self.new.type or not text_types or not type_names - _SESSION_INDEPENDENT_TEXT:
            return ""
        return " SET datestyle = 'ISO' SET intervalstyle = 'postgres' SET extra_float_digits = '1'"

    def _function_body(self) -> str:
        """The trigger's body: it copies each form into the other. The old form wins where both are written."""
        old, new = quote_identifier(self.old.name), quote_identifier(self.expanded_name)
        update_new = f"NEW.{new} := (SELECT {self.up_expression} FROM (SELECT NEW.*) AS changed);"
        update_old = f"NEW.{old} := (SELECT {self.down_expression} FROM (SELECT NEW.*) AS changed);"
        old_changed = f"NEW.{old}{_equality_cast(self.old)} IS DISTINCT FROM OLD.{old}{_equality_cast(self.old)}"
        new_changed = f"NEW.{new}{_equality_cast(self.new)} IS DISTINCT FROM OLD.{new}{_equality_cast(self.new)}"
        insert_condition = f"NEW.{new} IS NULL{self._old_insert_condition()}"
        return (
            f"BEGIN\n    IF TG_OP = 'INSERT' THEN\n        IF {insert_condition} THEN\n            {update_new}\n"
            f"        ELSE\n            {update_old}\n        END IF;\n"
            f"    ELSIF {old_changed} THEN\n        {update_new}\n"
            f"    ELSIF {new_changed} AND (OLD.{new} IS NOT NULL OR OLD.{old} IS NULL) THEN\n        {update_old}\n"
            "    END IF;\n    RETURN NEW;\nEND\n"
        )

    def _old_insert_condition(self) -> str:
        """The condition under which an INSERT named the old column: its value is not the default.

        A default that calls a function differs each time, so it cannot be told from a given value.
        """
        old, default_value = f"NEW.{quote_identifier(self.old.name)}", self.old.default
        if default_value is None:
            return f" OR {old} IS NOT NULL"
        if "(" in default_value:
            return ""
        cast = _equality_cast(self.old)
        return f" OR ({old} IS NOT NULL AND {old}{cast} IS DISTINCT FROM ({default_value}){cast})"


def sync_trigger_name(column: str) -> str:
    """The name of the trigger that keeps both forms of a column equal."""
    return truncate_identifier(f"zz_sync_{column}", "")


def find_column_expansions(
    before: Catalog, after: Catalog, sources: ValueSources, renamed: Sequence[tuple[ColumnName, str]]
) -> list[ColumnExpansion]:
    """Find the columns that can exist in both forms: those whose new type would rewrite every row, and those `renamed`.

    Other columns are changed in place: keys, generated and identity columns, and all that anything but an index, a
    unique constraint, a check or their own foreign key depends on.
    """
    diff = CatalogDiff(before, after)
    retyped = [((key[1], key[2], key[3]), key[3]) for key in sorted(diff.retyped_columns)]
    requested = [*renamed, *(column for column in retyped if column not in renamed)]
    expansions, online_tables = [], diff.online_tables()
    for (schema, table_name, old_name), new_name in requested:
        table = online_tables.get(("table", schema, table_name))
        old_table = before.objects.get(("table", schema, table_name))
        if table is None or not isinstance(old_table, Table):
            continue
        old, new = old_table.columns_by_name.get(old_name), table.columns_by_name.get(new_name)
        if old is None or new is None or not _can_expand(old, new):
            continue
        if (expansion := _expand_column(table, old, new, before, after, sources)) is not None:
            expansions.append(expansion)
    return expansions


def _expanded_name(old: str, new: str) -> str:
    return new if old != new else truncate_identifier(new, "_new")


def _can_expand(old: Column, new: Column) -> bool:
    if old.generated or new.generated or old.identity or new.identity:
        return False
    if old.unvalidated_not_null or new.unvalidated_not_null:
        return False
    if not (_PLAIN_NAME.fullmatch(old.name) and _PLAIN_NAME.fullmatch(new.name)):
        return False
    return old.name != new.name or (old.type != new.type and not needs_no_rewrite(old, new))


def _expand_column(
    table: Table, old: Column, new: Column, before: Catalog, after: Catalog, sources: ValueSources
) -> ColumnExpansion | None:
    path = (table.schema, table.name)
    users = _find_users(before, (*path, old.name)), _find_users(after, (*path, new.name))
    expanded_name = _expanded_name(old.name, new.name)
    old_table = before.objects[table.key]
    taken_names = {*table.columns_by_name, *(old_table.columns_by_name if isinstance(old_table, Table) else ())} - {
        new.name
    }
    dependencies = before.find_direct_dependencies(("column", *path, old.name)) | after.find_direct_dependencies(
        ("column", *path, new.name)
    )
    is_dependency_changed = any(
        before.objects.get(key) != after.objects.get(key) for key in dependencies if key[0] != "table"
    )
    if None in users or expanded_name in taken_names or is_dependency_changed:
        return None
    if any(_references_changing_column(user, before, after) for user in users[0] or ()):
        return None
    if any(_fires_later(obj, table, expanded_name) for c in (before, after) for obj in c.objects.values()):
        return None
    copies = {}
    for user in users[1] or ():
        if old.name == new.name:
            if re.search(rf"'[^']*\b{new.name}\b[^']*'|\(\s*{new.name}\s*\(", user.definition):
                return None
            copies[truncate_identifier(user.name, "_new") if user.key in before.objects else user.name] = user
    expanded_column = replace(new, name=expanded_name)
    backfill = sources.backfills.get((*path, new.name), new.default)
    hinted_expression = sources.using_expressions.get((*path, new.name))
    up_expression = hinted_expression or find_using_expression(table, old, new, before, after, sources)
    up_expression = up_expression or quote_identifier(old.name)
    if backfill is not None and ((new.not_null and not old.not_null) or old.name != new.name):
        up_expression = f"coalesce({up_expression}, {backfill})" if new.not_null else up_expression
    if (reverse_expression := sources.reverse_expressions.get((*path, new.name))) is not None:
        new_row = f"SELECT {quote_identifier(expanded_name)} AS {quote_identifier(new.name)}"
        down_expression = f"(SELECT {reverse_expression} FROM ({new_row}) AS new)"
    else:
        try:
            downgrade_sources = replace(sources, is_downgrade=True)
            down_expression = find_using_expression(
                table, expanded_column, old, after, before, downgrade_sources
            ) or quote_identifier(expanded_name)
        except UnknownTypeConversion:
            return None
    return ColumnExpansion(table, old, new, up_expression, down_expression, copies)


def _find_users(catalog: Catalog, path: ColumnName) -> list[IndexOrConstraint] | None:
    """The indexes and constraints of a column; None where it has a dependent that cannot exist twice."""
    users: list[IndexOrConstraint] = []
    for key in sorted(catalog.direct_dependents.get(("column", *path), ())):
        obj = catalog.objects.get(key)
        if not isinstance(obj, Index | Constraint) or (obj.schema, obj.table) != path[:2]:
            return None
        if isinstance(obj, Constraint) and (obj.type not in "ucf" or _is_referenced(catalog, key)):
            return None
        users.append(obj)
    return users


def _fires_later(obj: CatalogObject, table: Table, column: str) -> bool:
    """Whether a trigger may change a row after the sync trigger has run: triggers fire in the order of their names."""
    return (
        isinstance(obj, Trigger)
        and (obj.schema, obj.table) == (table.schema, table.name)
        and " BEFORE " in obj.definition
        and obj.name.encode() > sync_trigger_name(column).encode()
    )


def _references_changing_column(user: IndexOrConstraint, before: Catalog, after: Catalog) -> bool:
    """Whether a foreign key references a column whose type changes, so that it holds for one form only."""
    if not isinstance(user, Constraint) or user.referenced_table is None:
        return False
    referenced_keys = [("column", *user.referenced_table, name) for name in user.referenced_columns]
    pairs = [(find_column(before, key), find_column(after, key)) for key in referenced_keys]
    return any(old != new and not are_comparable(old, new) for old, new in pairs)


def _is_referenced(catalog: Catalog, key: ObjectKey) -> bool:
    return any(map(catalog.is_foreign_key, catalog.direct_dependents.get(key, ())))


def _format_identifier(identifier: str) -> str:
    """A name as `format('%I')` prints it, for one that is no reserved word."""
    return identifier if _PLAIN_NAME.fullmatch(identifier) else delimit_identifier(identifier)


def _replace_word(text: str, old: str, new: str) -> str:
    return re.sub(rf"\b{re.escape(old)}\b", new, text)


def _equality_cast(column: Column) -> str:
    return "::text" if column.type in _WITHOUT_EQUALITY else ""
