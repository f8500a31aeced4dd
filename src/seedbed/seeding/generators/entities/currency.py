"""A table of currencies: codes that exist, each with its own name, symbol and number of decimals."""

import re
from typing import TYPE_CHECKING

import numpy as np

from seedbed.errors import TooFewUniqueValues
from seedbed.seeding.core.batch import Batch, Coded, Numbers, fixed_pool
from seedbed.seeding.core.column_types import INTEGERS
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.generators.column_generator import Filling, Wish, indices

if TYPE_CHECKING:
    from seedbed.seeding.planning.table_plan import TablePlan

_TABLE = re.compile(r"(^|_)currenc(y|ies)$")
_ROLES = {
    "code": "code", "iso_code": "code", "iso": "code", "id": "code", "name": "name", "symbol": "symbol",
    "decimals": "decimals", "decimal_places": "decimals", "minor_unit": "decimals", "minor_units": "decimals",
}  # fmt: skip
_WITHOUT_CENTS = frozenset({"JPY", "KRW", "CLP", "VND", "ISK"})
_CURRENCIES = """
EUR, Euro, € | USD, US dollar, $ | GBP, Pound sterling, £ | JPY, Japanese yen, ¥ | CHF, Swiss franc, Fr
SEK, Swedish krona, kr | NOK, Norwegian krone, kr | DKK, Danish krone, kr | PLN, Polish zloty, zł
CZK, Czech koruna, Kč | HUF, Hungarian forint, Ft | RON, Romanian leu, lei | TRY, Turkish lira, ₺
CAD, Canadian dollar, $ | AUD, Australian dollar, $ | NZD, New Zealand dollar, $ | MXN, Mexican peso, $
BRL, Brazilian real, R$ | ARS, Argentine peso, $ | CLP, Chilean peso, $ | COP, Colombian peso, $
PEN, Peruvian sol, S/ | CNY, Chinese yuan, ¥ | KRW, South Korean won, ₩ | INR, Indian rupee, ₹
SGD, Singapore dollar, $ | MYR, Malaysian ringgit, RM | THB, Thai baht, ฿ | VND, Vietnamese dong, ₫
PHP, Philippine peso, ₱ | IDR, Indonesian rupiah, Rp | TWD, New Taiwan dollar, NT$ | HKD, Hong Kong dollar, HK$
ILS, Israeli shekel, ₪ | AED, UAE dirham, AED | MAD, Moroccan dirham, MAD | EGP, Egyptian pound, E£
KES, Kenyan shilling, KSh | NGN, Nigerian naira, ₦ | GHS, Ghanaian cedi, GH₵ | ZAR, South African rand, R
ISK, Icelandic krona, kr | UAH, Ukrainian hryvnia, ₴ | RSD, Serbian dinar, din
"""
_LISTED = tuple(
    tuple(part.strip() for part in currency.split(","))
    for line in _CURRENCIES.strip().splitlines()
    for currency in line.split(" | ")
)


def currency(wish: Wish) -> Filling | None:
    """What fills a column of a table of currencies; None of others, and where there are more rows than currencies."""
    table, name = wish.table, wish.name
    role = _ROLES.get(name.lower()) if _TABLE.search(table.sql.name.lower()) else None
    code = _code_of(table)
    if role is None or code is None:
        return None
    if table.count > len(_LISTED):
        if table.wish.or_fewer:
            raise TooFewUniqueValues(table.name, code, table.count, len(_LISTED))
        return None
    stream = table.stream(code).part("currency")

    def chosen(rows: range) -> Ints:
        return stream.permutation(len(_LISTED), indices(rows))

    if role == "decimals" and wish.kind.name in INTEGERS:
        cents = np.array([0 if listed[0] in _WITHOUT_CENTS else 2 for listed in _LISTED], dtype=np.int64)
        return Filling(name, f"decimals of its {code}", lambda rows: Numbers(None, cents[chosen(rows)], wish.kind))
    facts = table.facts[name]
    at = ("code", "name", "symbol").index(role) if role != "decimals" else -1
    longest = max(len(listed[at]) for listed in _LISTED)
    if at < 0 or not wish.kind.is_text or (facts.longest is not None and facts.longest < longest):
        return None
    if wish.unique and role == "symbol":
        return None
    pool = fixed_pool(f"currencies {role}", [listed[at] for listed in _LISTED])

    def make(rows: range) -> Batch:
        return Coded(None, chosen(rows), pool)

    return Filling(name, "a currency" if role == "code" else f"the {role} of its {code}", make)


def _code_of(table: "TablePlan") -> str | None:
    named = [name for name in table.kinds if _ROLES.get(name.lower()) == "code" and table.kinds[name].is_text]
    return next((name for name in named if name not in table.rules and table.reference_of(name) is None), None)
