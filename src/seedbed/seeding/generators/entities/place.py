"""Columns that describe one place: its city, region, postcode, country, time zone, phone and coordinates agree."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from hashlib import blake2b
from string import ascii_uppercase

import numpy as np

from seedbed.errors import TooFewUniqueValues
from seedbed.seeding.analysis.column_roles import find_role
from seedbed.seeding.core import big_integers
from seedbed.seeding.core.column_batch import Batch, Coded, Joined, Numbers, ValuePool, make_fixed_pool
from seedbed.seeding.core.random_stream import Ints, Stream, make_indices
from seedbed.seeding.core.word_lists import read_data_rows
from seedbed.seeding.generators.column_generator import ColumnGenerator, ColumnRequest, make_failing_generator
from seedbed.seeding.resolution.references import make_references
from seedbed.seeding.resolution.resolved_table import ResolvedTable


@dataclass(frozen=True)
class Country:
    """`dial` is what stands after the + of a phone number."""

    code: str
    name: str
    currency: str
    dial: str


@dataclass(frozen=True)
class City:
    """In a `postcode` each # is a digit and each ? a letter; where a country has none, it is five digits here too."""

    name: str
    region: str
    latitude: float
    longitude: float
    postcode: str
    timezone: str
    country: Country


@cache
def read_cities() -> tuple[City, ...]:
    """All of them, those of a country side by side."""
    cities = []
    for row in read_data_rows("cities.csv"):
        country = Country(row["country_code"], row["country"], row["currency"], row["dial"])
        place = float(row["latitude"]), float(row["longitude"])
        cities.append(City(row["city"], row["region"], *place, row["postcode"], row["timezone"], country))
    return tuple(cities)


@cache
def read_countries() -> tuple[Country, ...]:
    return tuple(dict.fromkeys(city.country for city in read_cities()))


_MAX_LENGTHS = {
    "city": 14, "state": 22, "country": 20, "country_code": 2, "timezone": 30, "currency": 3, "postcode": 9,
    "phone": 19,
}  # fmt: skip
"""Characters that a column of each must have room for."""
_SUPPORTING_ROLES = frozenset({"currency", "latitude", "longitude"})
"""What says where a row is only beside something else that does."""
_PER_CITY = 32
"""Postcodes and beginnings of phone numbers that are made of a city."""
_DIGITS = 9
"""Decimals of a coordinate that are worked out: a tenth of a millimetre."""
_AROUND = 0.2
"""Degrees from end to end in which a city's rows lie."""
_COORDINATE = re.compile(r"(^|_)(lat|latitude|lon|lng|longitude)$")
_PREFIX = re.compile(
    r"_?(city|town|state|region|province|county|country(_?code)?|zip(_?code)?|post(al)?_?code|currency(_?code)?"
    r"|time_?zone|tz|phone(_?number)?|mobile|lat|latitude|lon|lng|longitude|name|code|iso(_?code)?)$"
)


@dataclass(eq=False)
class Place:
    """Columns of a table that describe one place, with their roles. With `has_unique_country`, no country repeats."""

    table: ResolvedTable
    columns: dict[str, str] = field(default_factory=dict)
    has_unique_country: bool = False

    @property
    def stream(self) -> Stream:
        return self.table.make_stream(next(iter(self.columns))).substream("place")

    def draw_cities(self, rows: range) -> Ints:
        """Which city each row is in."""
        chosen_cities: Ints = self.table.cache.get_or_compute(
            (self.stream.name, "place", rows.start, rows.stop), lambda: self._draw_cities(rows)
        )
        return chosen_cities

    def _draw_cities(self, rows: range) -> Ints:
        starts, sizes = _group_by_country()
        if self.has_unique_country:
            country = self.stream.permutation(len(starts), make_indices(rows))
        else:
            says_itself = not {"country", "country_code"}.isdisjoint(self.columns.values())
            known = None if says_itself else self._find_parent_countries(rows)
            if known is None:
                return self.stream.below(len(read_cities()), rows)
            country = np.where(known < 0, self.stream.substream("country").below(len(starts), rows), known)
        return starts[country] + (self.stream.fractions(rows) * sizes[country]).astype(np.int64)

    def _find_parent_countries(self, rows: range) -> Ints | None:
        """The countries of the rows that a key refers to, -1 where they are none of the atlas."""
        numbers = {country.code: n for n, country in enumerate(read_countries())}
        numbers |= {country.name: n for n, country in enumerate(read_countries())}
        for reference in make_references(self.table):
            column = None if reference.is_self_reference else reference.parent.country_column
            if column is not None:
                chosen = reference.find_parents(rows)
                names = reference.parent.take(column, np.maximum(chosen, 0)).tolist()
                return np.array([numbers.get(value, -1) for value in names], dtype=np.int64)
        return None

    def generator(self, request: ColumnRequest) -> ColumnGenerator:
        role = self.columns[request.name]
        first = next(iter(self.columns))
        of = "" if request.name == first else f" of its {first}"
        return ColumnGenerator(request.name, f"a {role.replace('_', ' ')}{of}", self._find_maker(request, role))

    def _find_maker(self, request: ColumnRequest, role: str) -> Callable[[range], Batch]:
        if role in {"latitude", "longitude"}:
            return lambda rows: self._make_coordinates(request, role, rows)
        if role in {"postcode", "phone"}:
            pool = _make_postcode_pool() if role == "postcode" else _make_phone_pool()
            draws = request.stream.substream("of its city")

            def several(rows: range) -> Batch:
                coded = Coded(None, self.draw_cities(rows) * _PER_CITY + draws.below(_PER_CITY, rows), pool)
                if role == "postcode":
                    return coded
                return Joined(None, len(rows), (coded, request.stream.below(9_000, rows) + 1_000))

            return several
        return lambda rows: Coded(None, self.draw_cities(rows), _make_city_pool(role))

    def _make_coordinates(self, request: ColumnRequest, role: str, rows: range) -> Batch:
        degrees = np.array([getattr(city, role) for city in read_cities()])[self.draw_cities(rows)]
        degrees_of_rows = np.round(degrees + (request.stream.fractions(rows) - 0.5) * _AROUND, 4)
        if request.column_type.name == "numeric":
            digits = min(request.column_type.decimals, _DIGITS)
            whole = np.round(degrees_of_rows * 10**digits).astype(np.int64)
            return Numbers(None, big_integers.scale(whole, request.column_type.decimals - digits), request.column_type)
        return Numbers(None, degrees_of_rows, request.column_type)


def find_places(table: ResolvedTable) -> Mapping[str, Place]:
    """Which place each column is of, where it is of any."""
    roles = {name: role for name in table.column_types if (role := _find_role(table, name)) is not None}
    groups: dict[str, Place] = {}
    for name, role in roles.items():
        groups.setdefault(_PREFIX.sub("", name.lower()), Place(table)).columns[name] = role
    places: dict[str, Place] = {}
    for group in groups.values():
        roles_in_group = set(group.columns.values())
        group.has_unique_country = any(
            name in table.uniqueness.columns and role in {"country", "country_code"}
            for name, role in group.columns.items()
        )
        if roles_in_group - _SUPPORTING_ROLES or {"latitude", "longitude"} <= roles_in_group:
            places.update(dict.fromkeys(group.columns, group))
    return places


def find_country_column(known: Mapping[str, Place]) -> str | None:
    """The column that says in which country each row is, where no two are in one."""
    columns = (
        c for c, place in known.items() if place.has_unique_country and place.columns[c] in {"country", "country_code"}
    )
    return next(columns, None)


def generate_place(request: ColumnRequest, known: Mapping[str, Place]) -> ColumnGenerator | None:
    """What fills a column that says where its row is; None of others, and of a row that is made again."""
    group = known.get(request.name)
    if group is None or request.stream != request.table.make_stream(request.name):
        return None
    if request.is_unique and request.table.count > len(read_countries()):
        return make_failing_generator(
            request, TooFewUniqueValues(request.table.name, request.name, request.table.count, len(read_countries()))
        )
    return group.generator(request)


def _find_role(table: ResolvedTable, name: str) -> str | None:
    if name in table.rules or table.find_key(name) is not None or table.uniqueness.find_combination(name) is not None:
        return None
    constraints, column_type = table.value_constraints[name], table.column_types[name]
    if _COORDINATE.search(name.lower()):
        before = 3 if column_type.size is None else column_type.size - column_type.decimals
        fits = column_type.name in {"float4", "float8"} or (column_type.name == "numeric" and column_type.decimals > 0)
        fits = fits and before >= (2 if "lat" in name.lower() else 3)
        wide = (constraints.low is None and constraints.high is None) or (constraints.low or 0) < 0 < (
            constraints.high or 0
        )
        role = "latitude" if "lat" in name.lower() else "longitude"
        return role if fits and wide and name not in table.uniqueness.columns else None
    if not column_type.is_text or constraints.pattern is not None or constraints.values is not None:
        return None
    role = "currency" if re.search(r"(^|_)currency(_?code)?$", name.lower()) else find_role(table, name).name
    if role == "choice" and name.lower().endswith("state") and _has_city(table):
        role = "state"
    if role == "country" and constraints.longest is not None and constraints.longest <= 3:  # noqa: PLR2004 - as codes are
        role = "country_code"
    if role not in _MAX_LENGTHS or (constraints.longest is not None and constraints.longest < _MAX_LENGTHS[role]):
        return None
    if constraints.shortest > min(_MAX_LENGTHS[role], 3):
        return None
    if name in table.uniqueness.columns:
        if role not in {"country", "country_code"}:
            return None
        return role if table.count <= len(read_countries()) or table.request.allows_fewer else None
    return role


def _has_city(table: ResolvedTable) -> bool:
    return any(re.search(r"(^|_)(city|town)$|post(al)?_?code|zip", name.lower()) for name in table.column_types)


@lru_cache(maxsize=1)
def _group_by_country() -> tuple[Ints, Ints]:
    """Where each country's cities begin, and how many they are."""
    numbers = {country: n for n, country in enumerate(read_countries())}
    of = np.array([numbers[city.country] for city in read_cities()])
    sizes = np.bincount(of).astype(np.int64)
    return np.cumsum(sizes) - sizes, sizes


@lru_cache(maxsize=16)
def _make_city_pool(role: str) -> ValuePool:
    ways: Mapping[str, Callable[[City], str]] = {
        "city": lambda city: city.name,
        "state": lambda city: city.region,
        "country": lambda city: city.country.name,
        "country_code": lambda city: city.country.code,
        "timezone": lambda city: city.timezone,
        "currency": lambda city: city.country.currency,
    }
    return make_fixed_pool(role, [ways[role](city) for city in read_cities()])


@lru_cache(maxsize=1)
def _make_postcode_pool() -> ValuePool:
    return ValuePool(
        "postcodes", len(read_cities()) * _PER_CITY, lambda j: _fill_pattern(read_cities()[j // _PER_CITY].postcode, j)
    )


@lru_cache(maxsize=1)
def _make_phone_pool() -> ValuePool:
    """Phone numbers with 555 after the area code, which nobody has."""

    def begun(j: int) -> str:
        dial = read_cities()[j // _PER_CITY].country.dial
        return f"+{dial} {_fill_pattern('2##' if dial == '1' else '##', j)} 555 "

    return ValuePool("phone numbers", len(read_cities()) * _PER_CITY, begun)


def _fill_pattern(pattern: str, j: int) -> str:
    remaining = int.from_bytes(blake2b(f"{pattern}/{j}".encode(), digest_size=12).digest(), "little")
    characters = []
    for character in pattern:
        letters = {"#": "0123456789", "?": ascii_uppercase}.get(character, character)
        remaining, at = divmod(remaining, len(letters))
        characters.append(letters[at])
    return "".join(characters)
