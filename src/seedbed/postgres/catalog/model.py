"""The objects of a catalog as frozen dataclasses that can be compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

ObjectKey = tuple[str, ...]
"""An object's type and its qualified name: `("column", "public", "task", "title")`."""

NOT_COMPARED = {"position": "Column.position", "oid": "never read", "statistics": "never read"}
"""What the comparison ignores.

The position of a column, since ALTER TABLE ADD COLUMN can only append. OIDs and statistics, which do not describe the
schema, are never read. Neither are the names of NOT NULL constraints, which PostgreSQL 18 keeps when a table or a
column is renamed, except for those that are NOT VALID: whether a column is NOT NULL is an attribute of the column.
"""


@dataclass(frozen=True)
class Schema:
    name: str
    comment: str | None = None
    privileges: tuple[str, ...] = ()

    @property
    def key(self) -> ObjectKey:
        return ("schema", self.name)


@dataclass(frozen=True)
class Extension:
    name: str
    schema: str

    @property
    def key(self) -> ObjectKey:
        return ("extension", self.name)


@dataclass(frozen=True)
class Column:
    """`default` is the default's expression, or the generation expression where `generated` is `stored` or `virtual`.

    `unvalidated_not_null` is the name of a NOT NULL constraint that is NOT VALID, as PostgreSQL 18 has them: older rows
    may be NULL.
    """

    name: str
    type: str
    not_null: bool
    default: str | None
    generated: str | None
    identity: str | None
    identity_options: str | None
    collation: str | None
    comment: str | None
    privileges: tuple[str, ...] = ()
    position: int = field(default=0, compare=False)
    unvalidated_not_null: str | None = None


@dataclass(frozen=True)
class Table:
    """A table, partitioned table or partition. Inherited columns are listed at the parent only."""

    schema: str
    name: str
    kind: str
    unlogged: bool
    columns: tuple[Column, ...]
    parents: tuple[str, ...]
    partition_key: str | None
    partition_bound: str | None
    options: tuple[str, ...]
    row_security: bool
    forced_row_security: bool
    comment: str | None
    privileges: tuple[str, ...]

    @property
    def key(self) -> ObjectKey:
        return ("table", self.schema, self.name)

    @cached_property
    def columns_by_name(self) -> Mapping[str, Column]:
        return {column.name: column for column in self.columns}


@dataclass(frozen=True)
class Constraint:
    """`type` is pg_constraint's contype: p, u, f, c or x. `definition` is what ADD CONSTRAINT takes after the name."""

    schema: str
    table: str
    name: str
    type: str
    definition: str
    columns: tuple[str, ...]
    referenced_table: tuple[str, str] | None
    referenced_columns: tuple[str, ...]
    comment: str | None

    @property
    def key(self) -> ObjectKey:
        return ("constraint", self.schema, self.table, self.name)


@dataclass(frozen=True)
class Index:
    """An index that belongs to no constraint. `definition` is a whole CREATE INDEX."""

    schema: str
    table: str
    name: str
    definition: str
    unique: bool
    valid: bool
    columns: tuple[str, ...]
    comment: str | None

    @property
    def key(self) -> ObjectKey:
        return ("index", self.schema, self.table, self.name)


@dataclass(frozen=True)
class Sequence:
    """A sequence that belongs to no identity column."""

    schema: str
    name: str
    type: str
    start: int
    increment: int
    minimum: int
    maximum: int
    cache: int
    cycle: bool
    owned_by: tuple[str, str, str] | None
    comment: str | None
    privileges: tuple[str, ...]

    @property
    def key(self) -> ObjectKey:
        return ("sequence", self.schema, self.name)


@dataclass(frozen=True)
class Enum:
    schema: str
    name: str
    labels: tuple[str, ...]
    comment: str | None
    privileges: tuple[str, ...]

    @property
    def key(self) -> ObjectKey:
        return ("type", self.schema, self.name)


@dataclass(frozen=True)
class Domain:
    schema: str
    name: str
    type: str
    not_null: bool
    default: str | None
    collation: str | None
    checks: tuple[tuple[str, str], ...]
    comment: str | None
    privileges: tuple[str, ...]

    @property
    def key(self) -> ObjectKey:
        return ("type", self.schema, self.name)


@dataclass(frozen=True)
class Composite:
    """A composite or range type; `definition` is what CREATE TYPE takes after AS."""

    schema: str
    name: str
    definition: str
    comment: str | None
    privileges: tuple[str, ...]

    @property
    def key(self) -> ObjectKey:
        return ("type", self.schema, self.name)


@dataclass(frozen=True)
class View:
    schema: str
    name: str
    materialized: bool
    definition: str
    options: tuple[str, ...]
    columns: tuple[str, ...]
    comment: str | None
    privileges: tuple[str, ...]

    @property
    def key(self) -> ObjectKey:
        return ("view", self.schema, self.name)


@dataclass(frozen=True)
class Function:
    """A function, procedure or aggregate. `signature` is its name with its identity arguments."""

    schema: str
    signature: str
    kind: str
    language: str
    result: str | None
    definition: str
    string_body: bool
    comment: str | None
    privileges: tuple[str, ...]

    @property
    def key(self) -> ObjectKey:
        return ("function", self.schema, self.signature)


@dataclass(frozen=True)
class Trigger:
    """A trigger. `enabled` is the tgenabled of pg_trigger: O for origin, D disabled, R replica, A always."""

    schema: str
    table: str
    name: str
    definition: str
    enabled: str
    comment: str | None

    @property
    def key(self) -> ObjectKey:
        return ("trigger", self.schema, self.table, self.name)


@dataclass(frozen=True)
class Policy:
    schema: str
    table: str
    name: str
    command: str
    permissive: bool
    roles: tuple[str, ...]
    using: str | None
    check: str | None
    comment: str | None

    @property
    def key(self) -> ObjectKey:
        return ("policy", self.schema, self.table, self.name)


@dataclass(frozen=True)
class OtherObject:
    """An object with only a name and a definition: a rule, a collation or a statistics object."""

    kind: str
    schema: str
    name: str
    definition: str

    @property
    def key(self) -> ObjectKey:
        return (self.kind, self.schema, self.name)


CatalogObject = (
    Schema | Extension | Table | Constraint | Index | Sequence | Enum | Domain | Composite | View | Function | Trigger
    | Policy | OtherObject
)  # fmt: skip
