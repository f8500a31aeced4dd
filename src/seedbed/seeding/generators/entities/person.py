"""Names, mail addresses and logins that agree within a row."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from seedbed.seeding.analysis.column_roles import find_role
from seedbed.seeding.core.column_batch import Batch, Coded, Joined, ValuePool, make_fixed_pool
from seedbed.seeding.core.faker_pool import FakerPools
from seedbed.seeding.core.random_stream import Ints, Stream, make_indices
from seedbed.seeding.generators.column_generator import ColumnGenerator, ColumnRequest
from seedbed.seeding.resolution.resolved_table import ResolvedTable

HOST = "@example.com"
"""A domain that is reserved for examples (RFC 2606), so that no mail ever arrives."""
_FIRST_NAMES, _LAST_NAMES = 256, 512
_NAME_PARTS = frozenset({"first_name", "last_name"})
_FULL_ROLES = frozenset({"person", "handle", "email"})
_SHORTEST, _SHORTEST_WHOLE = 10, 24
"""Characters that a column must have room for, or it is filled by itself."""
_ROLE = re.compile(
    r"_?(e_?mail(_address)?|(first|given|fore|last|family|sur|full|display|user|login|nick|screen)?_?name|handle|login)$"
)


@dataclass(eq=False)
class Person:
    """Columns of a table that describe one person, each with its role."""

    table: ResolvedTable
    sources: FakerPools
    columns: dict[str, str] = field(default_factory=dict)
    drawn: Stream | None = None

    @cached_property
    def stream(self) -> Stream:
        if self.drawn is not None:
            return self.drawn
        leading = [name for name, role in self.columns.items() if role == "email"] or [*self.columns]
        return self.table.make_stream(leading[0])

    @cached_property
    def pools(self) -> tuple[tuple[ValuePool, ValuePool], tuple[ValuePool, ValuePool]]:
        """First and last names as they are written, and as they stand in addresses."""
        name_pairs = []
        for role, count in (("first_name", _FIRST_NAMES), ("last_name", _LAST_NAMES)):
            names = self.sources.names(role, count)
            max_length = self._find_room({role}, 0)
            name_pairs.append([pair for pair in names if max_length is None or max(map(len, pair)) <= max_length])
        room = self._find_room(_FULL_ROLES, 1 + len(str(self.table.count)))
        if room is not None and sum(max((len(b) for _, b in names), default=0) for names in name_pairs) > room:
            name_pairs = [[pair for pair in names if max(map(len, pair)) <= room // 2] for names in name_pairs]
        firsts, lasts = name_pairs
        return (
            (
                make_fixed_pool("first names", [name for name, _ in firsts]),
                make_fixed_pool("last names", [n for n, _ in lasts]),
            ),
            (
                make_fixed_pool("first words", [word for _, word in firsts]),
                make_fixed_pool("last words", [w for _, w in lasts]),
            ),
        )

    @property
    def fits(self) -> bool:
        """Whether any names are short enough."""
        return all(pool.size for pool in self.pools[0])

    def _find_room(self, roles: set[str] | frozenset[str], beside: int) -> int | None:
        """Characters that the shortest column of these roles leaves for names."""
        rooms = [
            longest - (beside + len(HOST) if role == "email" else beside)
            for name, role in self.columns.items()
            if role in roles and (longest := self.table.value_constraints[name].longest) is not None
        ]
        return min(rooms, default=None)

    def codes(self, rows: range) -> tuple[Ints, Ints, Ints]:
        """First name, last name and how often the two were there before; no two rows have all three the same."""
        codes: tuple[Ints, Ints, Ints] = self.table.cache.get_or_compute(
            (self.stream.name, "person", rows.start, rows.stop), lambda: self._codes(rows)
        )
        return codes

    def _codes(self, rows: range) -> tuple[Ints, Ints, Ints]:
        firsts, lasts = self.pools[0]
        size = firsts.size * lasts.size
        places = make_indices(rows)
        codes = self.stream.permutation(size, places % size)
        return codes // lasts.size, codes % lasts.size, places // size

    def generator(self, request: ColumnRequest) -> ColumnGenerator:
        role, others = self.columns[request.name], [name for name in self.columns if name != request.name]
        ways = {
            "first_name": "first name", "last_name": "last name", "person": "First Last", "handle": "first_last",
            "email": f"first.last{HOST}",
        }  # fmt: skip
        of = f" of {' and '.join(others)}" if others and role == "email" else ""
        source = f"{ways[role]}{of}{', unique' if request.is_unique or role == 'email' else ''}"
        return ColumnGenerator(
            request.name,
            source,
            lambda rows: self._make_batch(role, rows, numbered=request.is_unique or role != "person"),
        )

    def _make_batch(self, role: str, rows: range, *, numbered: bool) -> Batch:
        shown, plain = self.pools
        first, last, turns = self.codes(rows)
        if role in _NAME_PARTS:
            return Coded(None, first, shown[0]) if role == "first_name" else Coded(None, last, shown[1])
        firsts, lasts = shown if role == "person" else plain
        between = {"person": " ", "handle": "_", "email": "."}[role]
        parts: list[str | Coded | Ints] = [Coded(None, first, firsts), between, Coded(None, last, lasts)]
        if numbered and turns.any():
            blank = make_fixed_pool("before a number", ["", " " if role == "person" else ""])
            parts += [Coded(None, (turns > 0).astype(np.int64), blank), np.where(turns > 0, turns + 1, -1)]
        if role == "email":
            parts.append(HOST)
        return Joined(None, len(rows), tuple(parts))


def find_persons(table: ResolvedTable, sources: FakerPools) -> Mapping[str, Person]:
    """Which person each column is of, where it is of any."""
    roles = {name: role for name in table.column_types if (role := _find_role(table, name)) is not None}
    groups: dict[str, Person] = {}
    for name, role in roles.items():
        groups.setdefault(_find_prefix(name.lower()), Person(table, sources)).columns[name] = role
    if len(groups) == 2 and "" in groups:  # noqa: PLR2004 - an address beside a contact_name is the contact's
        own, other = groups[""], next(group for prefix, group in groups.items() if prefix)
        roles_here = set(own.columns.values())
        if roles_here <= {"email", "handle"} and roles_here.isdisjoint(other.columns.values()):
            other.columns = {name: role for name, role in roles.items() if name in own.columns or name in other.columns}
            groups = {"": other}
    persons = {}
    for group in groups.values():
        alone = len(group.columns) == 1 and "email" not in group.columns.values()
        if not alone and group.fits:
            persons.update(dict.fromkeys(group.columns, group))
    return persons


def _find_prefix(name: str) -> str:
    """The prefix of a column's name: `contact` of `contact_name`."""
    return _ROLE.sub("", name) if _ROLE.search(name) else ""


def generate_person(request: ColumnRequest, known: Mapping[str, Person]) -> ColumnGenerator | None:
    """What fills a column that is of a person; None of others, and of a row that is made again."""
    group = known.get(request.name)
    if group is None or request.stream != request.table.make_stream(request.name):
        return None
    return group.generator(request)


def _find_role(table: ResolvedTable, name: str) -> str | None:
    if not table.column_types[name].is_text or name in table.rules or table.find_key(name) is not None:
        return None
    constraints, role = table.value_constraints[name], find_role(table, name).name
    if (
        constraints.pattern is not None
        or constraints.values is not None
        or table.uniqueness.find_combination(name) is not None
    ):
        return None
    unique = name in table.uniqueness.columns
    if role in _NAME_PARTS:
        fits = constraints.longest is None or constraints.longest >= _SHORTEST
        return role if fits and not unique and not constraints.shortest else None
    if role not in _FULL_ROLES:
        return None
    least = len(f"ada.poe{table.count}{HOST}") if role == "email" else _SHORTEST_WHOLE
    return role if constraints.longest is None or constraints.longest >= least else None
