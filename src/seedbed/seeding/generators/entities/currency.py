"""Tables of currencies: real codes, each with its name, symbol and number of decimals."""

import re
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from seedbed.errors import TooFewUniqueValues
from seedbed.seeding.core.column_batch import Batch, Coded, Numbers, make_fixed_pool
from seedbed.seeding.core.postgres_types import INTEGERS
from seedbed.seeding.core.random_stream import Ints, make_indices
from seedbed.seeding.core.word_lists import read_data_rows
from seedbed.seeding.generators.column_generator import ColumnGenerator, ColumnRequest, make_failing_generator
from seedbed.seeding.resolution.resolved_table import ResolvedTable

_TABLE = re.compile(r"(^|_)currenc(y|ies)$")
_ROLES = {
    "code": "code", "iso_code": "code", "iso": "code", "id": "code", "name": "name", "symbol": "symbol",
    "decimals": "decimals", "decimal_places": "decimals", "minor_unit": "decimals", "minor_units": "decimals",
}  # fmt: skip


@cache
def _read_currencies() -> Sequence[Mapping[str, str]]:
    return read_data_rows("currencies.csv")


def generate_currency(request: ColumnRequest) -> ColumnGenerator | None:
    """What fills a column of a table of currencies; None of others, and where there are more rows than currencies."""
    table, name = request.table, request.name
    role = _ROLES.get(name.lower()) if _TABLE.search(table.sql.name.lower()) else None
    code = _find_code_column(table)
    if role is None or code is None:
        return None
    if table.count > len(_read_currencies()):
        if table.request.allows_fewer:
            return make_failing_generator(
                request, TooFewUniqueValues(table.name, code, table.count, len(_read_currencies()))
            )
        return None
    stream = table.make_stream(code).substream("currency")

    def chosen(rows: range) -> Ints:
        return stream.permutation(len(_read_currencies()), make_indices(rows))

    if role == "decimals" and request.column_type.name in INTEGERS:
        cents = np.array([int(one["decimals"]) for one in _read_currencies()], dtype=np.int64)
        return ColumnGenerator(
            name, f"decimals of its {code}", lambda rows: Numbers(None, cents[chosen(rows)], request.column_type)
        )
    constraints = table.value_constraints[name]
    values = [one[role] for one in _read_currencies()]
    longest = max(map(len, values))
    if (
        role == "decimals"
        or not request.column_type.is_text
        or (constraints.longest is not None and constraints.longest < longest)
    ):
        return None
    if request.is_unique and role == "symbol":
        return None
    pool = make_fixed_pool(f"currencies {role}", values)

    def make(rows: range) -> Batch:
        return Coded(None, chosen(rows), pool)

    return ColumnGenerator(name, "a currency" if role == "code" else f"the {role} of its {code}", make)


def _find_code_column(table: ResolvedTable) -> str | None:
    named = [
        name for name in table.column_types if _ROLES.get(name.lower()) == "code" and table.column_types[name].is_text
    ]
    return next((name for name in named if name not in table.rules and table.find_key(name) is None), None)
