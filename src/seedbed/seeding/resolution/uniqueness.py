"""How unique columns stay unique: by permutations, never by retries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from sqlglot import exp

from seedbed.errors import TooFewUniqueValues, UnsupportedUniqueConstraint
from seedbed.seeding.analysis.foreign_keys import ForeignKey, find_key
from seedbed.seeding.analysis.table_spec import TableSpec
from seedbed.seeding.analysis.unique_constraints import Unique, find_exclusions, find_unique_constraints
from seedbed.seeding.api.rules import Constant, FakerValues, Same
from seedbed.seeding.core.postgres_types import INTEGERS, MOMENTS
from seedbed.seeding.resolution.combinations import Combination, CombinationRows, find_combination
from seedbed.seeding.resolution.exclusions import SlotColumns, find_adjacent_ranges, find_column_slots, find_slots
from seedbed.seeding.resolution.key_consistency import KeyConsistency, are_all_identified
from seedbed.seeding.resolution.parent_rows import ExistingRows, ParentRows


@dataclass(frozen=True)
class Uniqueness:
    """How the unique and the exclusion constraints of a table are kept.

    `columns` are unique by themselves, by "row" or by position "within" a parent. `first_row_flags` are true only in
    the first row of a parent, and `false_flags` in no row, because nothing orders the rows of the parent. Each of
    `combinations` occurs once. `distribution_key` is the key whose rows are adjacent for that. `slots` separate ranges
    that must not overlap.
    """

    columns: Mapping[str, str]
    first_row_flags: frozenset[str]
    false_flags: frozenset[str]
    combinations: tuple[Combination, ...]
    distribution_key: str | None
    slots: tuple[SlotColumns, ...]

    def find_slots(self, column: str) -> SlotColumns | None:
        return find_column_slots(self.slots, column)

    def find_combination(self, member: str) -> Combination | None:
        return find_combination(self.combinations, member)


def resolve_uniqueness(
    table: TableSpec, keys: Sequence[ForeignKey], parents: Mapping[str, ParentRows]
) -> tuple[Uniqueness, KeyConsistency]:
    """Find out how each unique constraint of a table is kept, and with it how its keys choose their rows.

    Raises:
        TooFewUniqueValues: there are more rows than combinations.
        UnsupportedUniqueConstraint: no order keeps this constraint and the others.
    """
    resolver = _Resolver(table, keys, parents)
    exclusions = find_exclusions(table)
    resolver.slots = find_slots(table, exclusions)
    for unique in sorted(find_unique_constraints(table), key=lambda unique: len(unique.columns)):
        if not resolver.is_satisfied(unique):
            resolver.keep(unique)
    for exclusion in exclusions:
        ranges = find_adjacent_ranges(table, exclusion, resolver.slots)
        resolver.columns.update(dict.fromkeys(ranges, "row"))
    for slots in resolver.slots:
        if conflicting := [name for name in (slots.span.start, slots.span.end) if name in resolver.columns]:
            raise UnsupportedUniqueConstraint(table.name, ", ".join(conflicting), conflicting)
    return resolver.result(), resolver.consistency


class _Resolver:
    """Resolves constraints one by one, narrow ones first, so that these satisfy the wider ones."""

    def __init__(self, table: TableSpec, keys: Sequence[ForeignKey], parents: Mapping[str, ParentRows]) -> None:
        self._table, self._parents = table, parents
        self.consistency = KeyConsistency(table.name, keys, parents)
        self.columns: dict[str, str] = {}
        self.slots: list[SlotColumns] = []
        self._first: set[str] = set()
        self._never: set[str] = set()
        self._combinations: list[Combination] = []
        self._distribution_key: str | None = None

    def result(self) -> Uniqueness:
        return Uniqueness(
            self.columns,
            frozenset(self._first),
            frozenset(self._never),
            tuple(self._combinations),
            self._distribution_key,
            tuple(self.slots),
        )

    def is_satisfied(self, unique: Unique) -> bool:
        """Whether what was found of other constraints keeps this one too."""
        table, names = self._table, set(unique.columns)
        if any(self.columns.get(name) == "row" for name in names) or any(
            slots.implies_distinct(names) for slots in self.slots
        ):
            return True
        if any(key.is_unique and set(key.columns) <= names for key in self._keys):
            return True
        if any(table.is_left_to_database(name) for name in names):
            return True
        if any(table.rules.get(name) == Constant(None) for name in names):
            return True
        if any(table.column_types[name].name == "uuid" and self._find_key(name) is None for name in names):
            self.columns.update({name: "row" for name in names if table.column_types[name].name == "uuid"})
            return True
        return any(combination.constrained <= names for combination in self._combinations)

    def keep(self, unique: Unique) -> None:
        table = self._table
        members = [self._find_key(name) for name in unique.columns]
        keys = [*{key.columns: key for key in members if key is not None}.values()]
        plain = [name for name, key in zip(unique.columns, members, strict=True) if key is None]
        if not plain:
            self._check_identified(keys, unique)
        if len(keys) == 1 and not plain and unique.where is None:
            self._make_key_unique(keys[0])
            return
        spread = next((key for key in keys if key.name == self._share_key), None)
        if not keys and len(plain) == 1:
            self.columns[plain[0]] = "row"
            return
        free = self._find_free_column(plain)
        if free is not None:
            counted = table.column_types[free].name in INTEGERS or table.column_types[free].name == "date"
            if spread is None and counted and len(plain) == 1 and self._can_distribute(keys):
                spread, self._distribution_key = keys[0], keys[0].name
            self.columns[free] = "within" if spread is not None and counted else "row"
            return
        if unique.where is not None and not plain and (flag := self._find_boolean(unique.where)):
            if spread is None and self._can_distribute(keys):
                spread, self._distribution_key = keys[0], keys[0].name
            (self._first if spread is not None else self._never).add(flag)
            return
        self._combine(unique, keys, plain, spread)

    @property
    def _keys(self) -> tuple[ForeignKey, ...]:
        return self.consistency.keys

    @property
    def _share_key(self) -> str | None:
        return next((key.name for key in self._keys if key.follows_rows_per_parent(self._table.rows_per_parent)), None)

    def _find_key(self, column: str) -> ForeignKey | None:
        return find_key(self._keys, column)

    def _replace_keys(self, *changed: ForeignKey) -> None:
        """Replace keys, and with them what they have in common with others."""
        by_columns = {key.columns: key for key in changed}
        keys = [by_columns.get(key.columns, key) for key in self._keys]
        self.consistency = KeyConsistency(self._table.name, keys, self._parents)

    def _check_identified(self, keys: Sequence[ForeignKey], unique: Unique) -> None:
        """Check that the columns of a constraint tell which rows its keys refer to.

        Raises:
            UnsupportedUniqueConstraint: a part of a composite key has too few, and no choice of rows keeps it unique.
        """
        if not are_all_identified(self._table, keys, unique.columns):
            raise UnsupportedUniqueConstraint(self._table.name, ", ".join(unique.columns), [])

    def _drop_restricting_agreements(self, keys: Sequence[ForeignKey]) -> None:
        """Let go of suggested agreements that some rows of a parent leave no choice for: combinations take every
        row.
        """
        for key in keys:
            is_explicit = any(isinstance(self._table.rules.get(name), Same) for name in key.columns)
            if key.agreeing_columns and not is_explicit and self.consistency.find_allowed_parents(key) is not None:
                self._replace_keys(replace(key, agreeing_columns={}))

    def _can_distribute(self, keys: Sequence[ForeignKey]) -> bool:
        """Whether rows can lie side by side by their one key, so that each parent's are counted from 1."""
        if len(keys) != 1 or self._distribution_key is not None or self._table.rows_per_parent is not None:
            return False
        key = keys[0]
        chosen = key.is_unique or key.follows_class or self._is_combined(key)
        plain = not (key.is_loaded_later or key.is_nullable or chosen) and key.target != self._table.name
        return plain and key.is_planned and not self.consistency.find_shared_columns(key)

    def _is_combined(self, key: ForeignKey) -> bool:
        return any(key.name in combination.keys for combination in self._combinations)

    def _make_key_unique(self, key: ForeignKey) -> None:
        """Have a key refer to each row once."""
        table = self._table
        if key.name == self._share_key and table.rows_per_parent is not None:
            if table.rows_per_parent.high > 1:
                count = self.consistency.parent(key).count
                raise TooFewUniqueValues(table.name, key.name, table.rows_per_parent.high * count, count)
            return
        self._drop_agreements(key)
        self._replace_keys(replace(self.consistency.key(key.name), is_unique=True))

    def _drop_agreements(self, key: ForeignKey) -> None:
        """Let go of agreements that columns of one name suggest, where a key must have each row once."""
        table = self._table
        for column in self.consistency.find_shared_columns(key):
            agreeing = next((other for other in self._order_from(key) if column in other.agreeing_columns), None)
            if agreeing is None or isinstance(table.rules.get(agreeing.columns[0]), Same):
                raise UnsupportedUniqueConstraint(table.name, key.name, [])
            self._replace_keys(
                replace(
                    agreeing, agreeing_columns={c: of for c, of in agreeing.agreeing_columns.items() if c != column}
                )
            )
        if self.consistency.find_shared_columns(key):
            raise UnsupportedUniqueConstraint(table.name, key.name, [])

    def _order_from(self, key: ForeignKey) -> list[ForeignKey]:
        return [self.consistency.key(key.name), *self._keys]

    def _find_free_column(self, plain: Sequence[str]) -> str | None:
        """Find a column that can be made unique by itself without looking odd."""
        table = self._table
        for accepts in (
            lambda column_type: column_type.name in INTEGERS,
            lambda column_type: column_type.is_text,
            lambda column_type: (
                column_type.name in MOMENTS | {"date", "numeric", "float4", "float8", "time", "interval"}
            ),
            lambda column_type: column_type.name not in {"bool", "enum", "bit"},
        ):
            for name in plain:
                settled = name in self._first | self._never or find_column_slots(self.slots, name) is not None
                if accepts(table.column_types[name]) and table.count_possible_values(name) == 0 and not settled:
                    return name
        return None

    def _find_boolean(self, where: str) -> str | None:
        """The boolean that a partial index is about."""
        column_types = self._table.column_types.items()
        named = [
            name for name, column_type in column_types if column_type.name == "bool" and name in where.replace('"', " ")
        ]
        return named[0] if len(named) == 1 and "not" not in where.lower() else None

    def _combine(
        self, unique: Unique, keys: Sequence[ForeignKey], plain: Sequence[str], spread: ForeignKey | None
    ) -> None:
        table, shown = self._table, ", ".join(unique.columns)
        self._check_identified(keys, unique)
        if any(
            isinstance(table.rules.get(name), FakerValues) is False and table.count_possible_values(name) == 0
            for name in plain
        ):
            return  # a rule of the seeds fills it, and answers for it
        members = [*(key.name for key in keys), *plain]
        taken = [name for name in members if find_combination(self._combinations, name) is not None]
        if taken or any(key.is_unique for key in keys):
            raise UnsupportedUniqueConstraint(table.name, shown, taken or [key.name for key in keys if key.is_unique])
        base = spread if spread is not None else self._find_parent_key(keys, shown)
        others = [key for key in keys if base is None or key.columns != base.columns]
        if base is None:
            self._drop_restricting_agreements(others)
        names = [*([base.name] if base is not None else []), *(key.name for key in others)]
        combination = Combination(
            tuple(key.name for key in others),
            tuple(plain),
            base.name if base is not None else None,
            self._check_must_differ([self.consistency.key(name) for name in names]),
        )
        if spread is not None and table.rows_per_parent is not None and not table.is_empty:
            most = CombinationRows(table, combination, self.consistency).count_per_parent()
            free = not any(self.consistency.find_shared_columns(key) for key in others)
            if free and len(most) and int(most.max()) < table.rows_per_parent.low:
                raise TooFewUniqueValues(table.name, shown, table.rows_per_parent.low, int(most.max()))
        self._combinations.append(combination)
        self._replace_keys(*(replace(self.consistency.key(k.name), source="each combination once") for k in others))

    def _find_parent_key(self, keys: Sequence[ForeignKey], shown: str) -> ForeignKey | None:
        """The key within whose parents the others are combined, where these must agree with it."""
        known = self.consistency.find_shared_columns
        filtered = [key for key in keys if known(key)]
        if not filtered:
            return None
        base = next((key for key in keys if not known(key)), None)
        if base is None or any(not set(known(key)) <= set(base.determined_columns) for key in filtered):
            raise UnsupportedUniqueConstraint(self._table.name, shown, [])
        if self._distribution_key is not None or self._table.rows_per_parent is not None:
            raise UnsupportedUniqueConstraint(self._table.name, shown, [str(self._distribution_key or self._share_key)])
        self._distribution_key = base.name
        return base

    def _check_must_differ(self, keys: Sequence[ForeignKey]) -> bool:
        """Whether a CHECK says that two keys to one table may not refer to the same row."""
        for first, second in pairwise(keys):
            for _, condition in self._table.joint_checks:
                names = {column.name for column in condition.find_all(exp.Column)}
                same = first.target == second.target and self._is_count_known(first)
                if isinstance(condition, exp.NEQ) and names == {first.name, second.name} and same:
                    return True
        return False

    def _is_count_known(self, key: ForeignKey) -> bool:
        """Whether the number of rows that a key can refer to is known: not of tables of a database, until asked."""
        parent = self._parents[key.target]
        return not isinstance(parent, ExistingRows) or parent.is_known
