"""How unique columns are kept unique: by permutations, never by retries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from sqlglot import exp

from seedbed.errors import TooFewUniqueValues, UnsupportedUniqueConstraint
from seedbed.seeding.analysis.exclusion_constraints import find_exclusions
from seedbed.seeding.analysis.foreign_keys import ForeignKey, find_key
from seedbed.seeding.analysis.table_spec import TableSpec
from seedbed.seeding.analysis.unique_constraints import Unique, find_unique_constraints
from seedbed.seeding.api.rules import Constant, FakerValues, Same
from seedbed.seeding.core.column_types import INTEGERS, MOMENTS
from seedbed.seeding.resolution.combinations import Combination, CombinationRows
from seedbed.seeding.resolution.exclusions import SlotColumns, find_slots, side_by_side_ranges
from seedbed.seeding.resolution.key_consistency import KeyConsistency, all_identified
from seedbed.seeding.resolution.parent_rows import ExistingRows, ParentRows


@dataclass(frozen=True)
class Uniqueness:
    """How the unique and the exclusion constraints of a table are kept.

    `columns` are unique alone: by their "row", or by their place "within" a parent. `first` are true in a parent's
    first row alone, and `never` in none, since nothing orders the rows of its parent. `combinations` are used once
    each. `spread` is the key whose rows lie side by side for that. `slots` keep apart what may not overlap.
    """

    columns: Mapping[str, str]
    first: frozenset[str]
    never: frozenset[str]
    combinations: tuple[Combination, ...]
    spread: str | None
    slots: tuple[SlotColumns, ...]

    def slots_of(self, column: str) -> SlotColumns | None:
        return _slots_of(self.slots, column)

    def combination_of(self, member: str) -> Combination | None:
        return _combination_of(self.combinations, member)


def resolve_uniqueness(
    table: TableSpec, keys: Sequence[ForeignKey], parents: Mapping[str, ParentRows]
) -> tuple[Uniqueness, KeyConsistency]:
    """Find out how each unique constraint of a table is kept, and with it how its keys choose their rows.

    Raises:
        TooFewUniqueValues: there are more rows than combinations.
        UnsupportedUniqueConstraint: no order keeps this constraint and the others.
    """
    found = _Resolver(table, keys, parents)
    excluded = find_exclusions(table)
    found.slots = find_slots(table, excluded)
    for unique in sorted(find_unique_constraints(table), key=lambda unique: len(unique.columns)):
        if not found.is_kept(unique):
            found.keep(unique)
    for exclusion in excluded:
        ranges = side_by_side_ranges(table, exclusion, found.slots)
        found.columns.update(dict.fromkeys(ranges, "row"))
    for slots in found.slots:
        if taken := [name for name in (slots.span.start, slots.span.end) if name in found.columns]:
            raise UnsupportedUniqueConstraint(table.name, ", ".join(taken), taken)
    return found.result(), found.consistency


class _Resolver:
    """What is found of the constraints one after another: the narrow ones first, so that wide ones are kept by them."""

    def __init__(self, table: TableSpec, keys: Sequence[ForeignKey], parents: Mapping[str, ParentRows]) -> None:
        self._table, self._parents = table, parents
        self.consistency = KeyConsistency(table.name, keys, parents)
        self.columns: dict[str, str] = {}
        self.slots: list[SlotColumns] = []
        self._first: set[str] = set()
        self._never: set[str] = set()
        self._combinations: list[Combination] = []
        self._spread: str | None = None

    def result(self) -> Uniqueness:
        return Uniqueness(
            self.columns,
            frozenset(self._first),
            frozenset(self._never),
            tuple(self._combinations),
            self._spread,
            tuple(self.slots),
        )

    def is_kept(self, unique: Unique) -> bool:
        """Whether what was found of other constraints keeps this one too."""
        table, names = self._table, set(unique.columns)
        if any(self.columns.get(name) == "row" for name in names) or any(slots.keeps(names) for slots in self.slots):
            return True
        if any(key.is_unique and set(key.columns) <= names for key in self._keys):
            return True
        if any(table.is_left_to_database(name) for name in names):
            return True
        if any(table.rules.get(name) == Constant(None) for name in names):
            return True
        if any(table.column_types[name].name == "uuid" and self._key_of(name) is None for name in names):
            self.columns.update({name: "row" for name in names if table.column_types[name].name == "uuid"})
            return True
        return any(combination.constrained <= names for combination in self._combinations)

    def keep(self, unique: Unique) -> None:
        table = self._table
        members = [self._key_of(name) for name in unique.columns]
        keys = [*{key.columns: key for key in members if key is not None}.values()]
        plain = [name for name, key in zip(unique.columns, members, strict=True) if key is None]
        if not plain:
            self._check_identified(keys, unique)
        if len(keys) == 1 and not plain and unique.where is None:
            self._keep_key(keys[0])
            return
        spread = next((key for key in keys if key.name == self._share_key), None)
        if not keys and len(plain) == 1:
            self.columns[plain[0]] = "row"
            return
        free = self._freest(plain)
        if free is not None:
            counted = table.column_types[free].name in INTEGERS or table.column_types[free].name == "date"
            if spread is None and counted and len(plain) == 1 and self._may_spread(keys):
                spread, self._spread = keys[0], keys[0].name
            self.columns[free] = "within" if spread is not None and counted else "row"
            return
        if unique.where is not None and not plain and (flag := self._flag(unique.where)):
            if spread is None and self._may_spread(keys):
                spread, self._spread = keys[0], keys[0].name
            (self._first if spread is not None else self._never).add(flag)
            return
        self._combine(unique, keys, plain, spread)

    @property
    def _keys(self) -> tuple[ForeignKey, ...]:
        return self.consistency.keys

    @property
    def _share_key(self) -> str | None:
        return next((key.name for key in self._keys if key.follows_rows_per_parent(self._table.rows_per_parent)), None)

    def _key_of(self, column: str) -> ForeignKey | None:
        return find_key(self._keys, column)

    def _change(self, *changed: ForeignKey) -> None:
        """Replace keys, and with them what they have in common with others."""
        by_columns = {key.columns: key for key in changed}
        keys = [by_columns.get(key.columns, key) for key in self._keys]
        self.consistency = KeyConsistency(self._table.name, keys, self._parents)

    def _check_identified(self, keys: Sequence[ForeignKey], unique: Unique) -> None:
        """Check that the columns of a constraint tell which rows its keys refer to.

        Raises:
            UnsupportedUniqueConstraint: a part of a composite key has too few, and no choice of rows keeps it unique.
        """
        if not all_identified(self._table, keys, unique.columns):
            raise UnsupportedUniqueConstraint(self._table.name, ", ".join(unique.columns), [])

    def _choose_freely(self, keys: Sequence[ForeignKey]) -> None:
        """Let go of suggested agreements that some rows of a parent leave no choice for: combinations take every
        row.
        """
        for key in keys:
            said = any(isinstance(self._table.rules.get(name), Same) for name in key.columns)
            if key.agreeing_columns and not said and self.consistency.allowed(key) is not None:
                self._change(replace(key, agreeing_columns={}))

    def _may_spread(self, keys: Sequence[ForeignKey]) -> bool:
        """Whether rows can lie side by side by their one key, so that each parent's are counted from 1."""
        if len(keys) != 1 or self._spread is not None or self._table.rows_per_parent is not None:
            return False
        key = keys[0]
        chosen = key.is_unique or key.follows_class or self._is_combined(key)
        plain = not (key.is_loaded_later or key.is_nullable or chosen) and key.target != self._table.name
        return plain and key.is_planned and not self.consistency.known_before(key)

    def _is_combined(self, key: ForeignKey) -> bool:
        return any(key.name in combination.keys for combination in self._combinations)

    def _keep_key(self, key: ForeignKey) -> None:
        """Have a key refer to each row once."""
        table = self._table
        if key.name == self._share_key and table.rows_per_parent is not None:
            if table.rows_per_parent.high > 1:
                count = self.consistency.parent(key).count
                raise TooFewUniqueValues(table.name, key.name, table.rows_per_parent.high * count, count)
            return
        self._choose_alone(key)
        self._change(replace(self.consistency.key(key.name), is_unique=True))

    def _choose_alone(self, key: ForeignKey) -> None:
        """Let go of agreements that columns of one name suggest, where a key must have each row once."""
        table = self._table
        for column in self.consistency.known_before(key):
            saying = next((other for other in self._starting_with(key) if column in other.agreeing_columns), None)
            if saying is None or isinstance(table.rules.get(saying.columns[0]), Same):
                raise UnsupportedUniqueConstraint(table.name, key.name, [])
            self._change(
                replace(saying, agreeing_columns={c: of for c, of in saying.agreeing_columns.items() if c != column})
            )
        if self.consistency.known_before(key):
            raise UnsupportedUniqueConstraint(table.name, key.name, [])

    def _starting_with(self, key: ForeignKey) -> list[ForeignKey]:
        return [self.consistency.key(key.name), *self._keys]

    def _freest(self, plain: Sequence[str]) -> str | None:
        """A column that can be unique by itself without anybody noticing."""
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
                settled = name in self._first | self._never or _slots_of(self.slots, name) is not None
                if accepts(table.column_types[name]) and table.count_possible_values(name) == 0 and not settled:
                    return name
        return None

    def _flag(self, where: str) -> str | None:
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
        taken = [name for name in members if _combination_of(self._combinations, name) is not None]
        if taken or any(key.is_unique for key in keys):
            raise UnsupportedUniqueConstraint(table.name, shown, taken or [key.name for key in keys if key.is_unique])
        base = spread if spread is not None else self._base(keys, shown)
        others = [key for key in keys if base is None or key.columns != base.columns]
        if base is None:
            self._choose_freely(others)
        names = [*([base.name] if base is not None else []), *(key.name for key in others)]
        combination = Combination(
            tuple(key.name for key in others),
            tuple(plain),
            base.name if base is not None else None,
            self._must_differ([self.consistency.key(name) for name in names]),
        )
        if spread is not None and table.rows_per_parent is not None and not table.is_empty:
            most = CombinationRows(table, combination, self.consistency).most()
            free = not any(self.consistency.known_before(key) for key in others)
            if free and len(most) and int(most.max()) < table.rows_per_parent.low:
                raise TooFewUniqueValues(table.name, shown, table.rows_per_parent.low, int(most.max()))
        self._combinations.append(combination)
        self._change(*(replace(self.consistency.key(k.name), source="each combination once") for k in others))

    def _base(self, keys: Sequence[ForeignKey], shown: str) -> ForeignKey | None:
        """The key within whose parents the others are combined, where these must agree with it."""
        known = self.consistency.known_before
        filtered = [key for key in keys if known(key)]
        if not filtered:
            return None
        base = next((key for key in keys if not known(key)), None)
        if base is None or any(not set(known(key)) <= set(base.determined_columns) for key in filtered):
            raise UnsupportedUniqueConstraint(self._table.name, shown, [])
        if self._spread is not None or self._table.rows_per_parent is not None:
            raise UnsupportedUniqueConstraint(self._table.name, shown, [str(self._spread or self._share_key)])
        self._spread = base.name
        return base

    def _must_differ(self, keys: Sequence[ForeignKey]) -> bool:
        """Whether a CHECK says that two keys to one table may not refer to the same row."""
        for one, other in pairwise(keys):
            for _, want in self._table.joint_checks:
                names = {column.name for column in want.find_all(exp.Column)}
                same = one.target == other.target and self._is_known(one)
                if isinstance(want, exp.NEQ) and names == {one.name, other.name} and same:
                    return True
        return False

    def _is_known(self, key: ForeignKey) -> bool:
        """Whether the number of rows that a key can refer to is known: not of tables of a database, until asked."""
        parent = self._parents[key.target]
        return not isinstance(parent, ExistingRows) or parent.known


def _slots_of(slots: Sequence[SlotColumns], column: str) -> SlotColumns | None:
    return next((one for one in slots if column in {one.span.start, one.span.end}), None)


def _combination_of(combinations: Sequence[Combination], member: str) -> Combination | None:
    return next((one for one in combinations if member in one.members), None)
