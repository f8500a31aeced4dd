"""Which columns no two rows may share, and how that is kept: by orders without repeats, never by trying again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from seedbed.errors import TooFewUniqueValues, UnsupportedUniqueConstraint
from seedbed.seeding.analysis.exclusion_constraints import exclusions
from seedbed.seeding.analysis.unique_constraints import Unique, wanted
from seedbed.seeding.api.rules import Constant, FakerValues, Same
from seedbed.seeding.core.column_types import INTEGERS, MOMENTS
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.generators.column_generator import is_unique
from seedbed.seeding.resolution.combinations import Product
from seedbed.seeding.resolution.parent_rows import Existing
from seedbed.seeding.resolution.references import Reference
from seedbed.seeding.resolution.scheduling.exclusion_solver import keep_apart, keep_in_slots
from seedbed.seeding.resolution.scheduling.slots import Slots

if TYPE_CHECKING:
    from seedbed.seeding.planning.table_plan import TablePlan


@dataclass(eq=False)
class Uniques:
    """`columns` are unique alone, by their row or by their place within a parent; `first` are true in a parent's first
    row alone, and `never` in none, since nothing orders the rows of its parent; `products` are kept by combining;
    `spread` is the key whose rows lie side by side for that. `slots` keep apart what may not overlap.
    """

    columns: dict[str, str] = field(default_factory=dict)
    first: set[str] = field(default_factory=set)
    never: set[str] = field(default_factory=set)
    products: list[Product] = field(default_factory=list)
    spread: str | None = None
    slots: list[Slots] = field(default_factory=list)

    def slots_of(self, column: str) -> Slots | None:
        return next((slots for slots in self.slots if column in {slots.span.start, slots.span.end}), None)

    def product_of(self, member: str) -> Product | None:
        for product in self.products:
            if member in product.columns or member in {reference.name for reference in product.references}:
                return product
        return None


def uniques(table: "TablePlan") -> Uniques:
    """Settle how each unique constraint of a table is kept.

    Raises:
        TooFewUniqueValues: there are more rows than combinations.
        UnsupportedUniqueConstraint: no order keeps this constraint and the others.
    """
    found = Uniques()
    excluded = exclusions(table)
    for exclusion in excluded:
        keep_in_slots(table, exclusion, found)
    for unique in sorted(wanted(table), key=lambda unique: len(unique.columns)):
        if not _kept_already(table, unique, found):
            _keep(table, unique, found)
    for exclusion in excluded:
        keep_apart(table, exclusion, found)
    for slots in found.slots:
        if taken := [name for name in (slots.span.start, slots.span.end) if name in found.columns]:
            raise UnsupportedUniqueConstraint(table.name, ", ".join(taken), taken)
    return found


def see_that_they_fit(table: "TablePlan") -> None:
    """Find out before a row is made whether unique keys have enough to choose from.

    Raises:
        TooFewUniqueValues: they have not.
    """
    for reference in table.references:
        follows = table.spread_of(reference) is not None
        if reference.unique and not follows and reference.parent is not table:
            allowed = table.agreement.allowed(reference)
            size = reference.parent.count if allowed is None else len(allowed)
            if table.count > size and not isinstance(reference.parent, Existing):
                raise TooFewUniqueValues(table.name, reference.name, table.count, size)
    for product in table.uniques.products:
        if product.within is None:
            product.see_that_it_fits()
    for slots in table.uniques.slots:
        slots.see_that_they_fit()


def _kept_already(table: "TablePlan", unique: Unique, found: Uniques) -> bool:
    names = set(unique.columns)
    references = {reference.name: reference for reference in table.references}
    if any(found.columns.get(name) == "row" for name in names) or any(slots.keeps(names) for slots in found.slots):
        return True
    if any(reference.unique and set(reference.columns) <= names for reference in references.values()):
        return True
    if any(table.left_out(name) for name in names):
        return True
    if any(table.rules.get(name) == Constant(None) for name in names):
        return True
    if any(table.kinds[name].name == "uuid" and table.reference_of(name) is None for name in names):
        found.columns.update({name: "row" for name in names if table.kinds[name].name == "uuid"})
        return True
    return any(
        {r.name for r in product.references}
        | set(product.columns)
        | ({product.within.name} if product.within else set())
        <= names
        for product in found.products
    )


def _keep(table: "TablePlan", unique: Unique, found: Uniques) -> None:
    members = [table.reference_of(name) for name in unique.columns]
    keys = [*dict.fromkeys(reference for reference in members if reference is not None)]
    plain = [name for name, reference in zip(unique.columns, members, strict=True) if reference is None]
    _see_that_they_identify(table, keys, unique, plain)
    if len(keys) == 1 and not plain and unique.where is None:
        _once_each(table, keys[0])
        return
    spread = next((key for key in keys if key.name == table.spread_column), None)
    if not keys and len(plain) == 1:
        found.columns[plain[0]] = "row"
        return
    free = _freest(table, plain, found)
    if free is not None:
        counted = table.kinds[free].name in INTEGERS or table.kinds[free].name == "date"
        if spread is None and counted and len(plain) == 1 and _may_spread(table, keys, found):
            spread, found.spread = keys[0], keys[0].name
        found.columns[free] = "within" if spread is not None and counted else "row"
        return
    if unique.where is not None and not plain and (flag := _flag(table, unique.where)):
        if spread is None and _may_spread(table, keys, found):
            spread, found.spread = keys[0], keys[0].name
        (found.first if spread is not None else found.never).add(flag)
        return
    _combine(table, unique, keys, plain, spread, found)


def _see_that_they_identify(table: "TablePlan", keys: list[Reference], unique: Unique, plain: list[str]) -> None:
    """A part of a key of several columns does not tell its rows apart, so nothing that chooses rows keeps it unique.

    Raises:
        UnsupportedUniqueConstraint: there is no other column that could.
    """
    if plain:
        return
    known, left = set(unique.columns), list(keys)
    while told := [key for key in left if _identifies(key, known)]:
        known |= {column for key in told for column in key.says}
        left = [key for key in left if key not in told]
    if left:
        raise UnsupportedUniqueConstraint(table.name, ", ".join(unique.columns), [])


def _identifies(key: Reference, known: set[str]) -> bool:
    """Whether the known columns of a key tell which row it refers to."""
    if isinstance(key.parent, Existing) or set(key.columns) <= known:
        return True
    parent: Any = key.parent  # a table of the plan
    return any(is_unique(parent.column(theirs)) for own, theirs in key.pairs if own in known)


def _choose_freely(table: "TablePlan", keys: list[Reference]) -> None:
    """Let go of suggested agreements that some rows of a parent leave no choice for: combinations take every row."""
    for key in keys:
        said = any(isinstance(table.rules.get(name), Same) for name in key.columns)
        if key.also and not said and table.agreement.allowed(key) is not None:
            key.also.clear()
            table.agreement.forget()


def _may_spread(table: "TablePlan", keys: list[Reference], found: Uniques) -> bool:
    """Whether rows can lie side by side by their one key, so that each parent's are counted from 1."""
    if len(keys) != 1 or found.spread is not None or table.share is not None:
        return False
    key = keys[0]
    plain = not (key.late or key.nullable or key.unique or key.choose) and key.parent is not table
    return plain and isinstance(key.parent, type(table)) and not table.agreement.known_before(key)


def _once_each(table: "TablePlan", key: Reference) -> None:
    if key.name == table.spread_column and table.share is not None:
        if table.share.high > 1:
            raise TooFewUniqueValues(table.name, key.name, table.share.high * key.parent.count, key.parent.count)
        return
    _choose_alone(table, key)
    key.unique = True


def _choose_alone(table: "TablePlan", key: Reference) -> None:
    """Let go of agreements that columns of one name suggest, where a key must have each row once."""
    for column in table.agreement.known_before(key):
        saying = next((other for other in (key, *table.references) if column in other.also), None)
        if saying is None or isinstance(table.rules.get(saying.columns[0]), Same):
            raise UnsupportedUniqueConstraint(table.name, key.name, [])
        del saying.also[column]
    table.agreement.forget()
    if table.agreement.known_before(key):
        raise UnsupportedUniqueConstraint(table.name, key.name, [])


def _freest(table: "TablePlan", plain: Sequence[str], found: Uniques) -> str | None:
    """A column that can be unique by itself without anybody noticing."""
    for accepts in (
        lambda kind: kind.name in INTEGERS,
        lambda kind: kind.is_text,
        lambda kind: kind.name in MOMENTS | {"date", "numeric", "float4", "float8", "time", "interval"},
        lambda kind: kind.name not in {"bool", "enum", "bit"},
    ):
        for name in plain:
            settled = name in found.first | found.never or found.slots_of(name) is not None
            if accepts(table.kinds[name]) and table.size(name) == 0 and not settled:
                return name
    return None


def _flag(table: "TablePlan", where: str) -> str | None:
    """The boolean that a partial index is about."""
    named = [name for name, kind in table.kinds.items() if kind.name == "bool" and name in where.replace('"', " ")]
    return named[0] if len(named) == 1 and "not" not in where.lower() else None


def _combine(
    table: "TablePlan",
    unique: Unique,
    keys: list[Reference],
    plain: list[str],
    spread: Reference | None,
    found: Uniques,
) -> None:
    shown = ", ".join(unique.columns)
    _see_that_they_identify(table, keys, unique, [])
    if any(isinstance(table.rules.get(name), FakerValues) is False and table.size(name) == 0 for name in plain):
        return  # a rule of the seeds fills it, and answers for it
    taken = [name for name in [*(key.name for key in keys), *plain] if found.product_of(name) is not None]
    if taken or any(key.unique for key in keys):
        raise UnsupportedUniqueConstraint(table.name, shown, taken or [key.name for key in keys if key.unique])
    filtered = [key for key in keys if table.agreement.known_before(key)]
    base = spread
    if base is None and filtered:
        base = next((key for key in keys if not table.agreement.known_before(key)), None)
        if base is None or any(not set(table.agreement.known_before(key)) <= set(base.says) for key in filtered):
            raise UnsupportedUniqueConstraint(table.name, shown, [])
        if found.spread is not None or table.share is not None:
            raise UnsupportedUniqueConstraint(table.name, shown, [str(found.spread or table.spread_column)])
        found.spread = base.name
    others = [key for key in keys if key is not base]
    if base is None:
        _choose_freely(table, others)
    product = Product(table, others, plain, base, differ=_must_differ(table, [*([base] if base else []), *others]))
    if base is spread and base is not None and table.share is not None and not table.is_empty:
        most = product.most()
        if (
            not any(table.agreement.known_before(key) for key in others)
            and len(most)
            and int(most.max()) < table.share.low
        ):
            raise TooFewUniqueValues(table.name, shown, table.share.low, int(most.max()))
    found.products.append(product)
    for key in others:
        key.choose = _chooser(product, key.name)
        key.source = "each combination once"


def _chooser(product: Product, name: str) -> Callable[[range], Ints]:
    return lambda rows: product.places(name, rows)


def _must_differ(table: "TablePlan", keys: list[Reference]) -> bool:
    """Whether a CHECK says that two keys to one table may not refer to the same row."""
    for one, other in pairwise(keys):
        for _, want in table.wants:
            names = {column.name for column in want.find_all(exp.Column)}
            if isinstance(want, exp.NEQ) and names == {one.name, other.name} and one.parent is other.parent:
                return True
    return False
