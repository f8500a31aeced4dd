"""Define the filter operators of requests for each type of column."""

from collections.abc import Mapping
from dataclasses import dataclass

from seedbed.service.queries.value_parser import PATTERN, TEXT, ValueParser


@dataclass(frozen=True)
class Comparison:
    """`sql` has placeholders {column} and {value}. `description` completes "Rows whose column ..." in the document.

    `parser` parses the value if it is not of the column's own type.
    """

    sql: str
    description: str
    parser: ValueParser | None = None


Comparisons = Mapping[str, Comparison]

EQUALITY: Comparisons = {
    "eq": Comparison("{column} = {value}", "is this"),
    "ne": Comparison("{column} <> {value}", "is not this"),
}
SCALAR: Comparisons = {
    **EQUALITY,
    "lt": Comparison("{column} < {value}", "is < this"),
    "lte": Comparison("{column} <= {value}", "is <= this"),
    "gt": Comparison("{column} > {value}", "is > this"),
    "gte": Comparison("{column} >= {value}", "is >= this"),
    "in": Comparison("{column} IN ({value})", "is any of these"),
}
TEXTS: Comparisons = {
    **SCALAR,
    "like": Comparison("{column} LIKE {value}", "is like this, in which * stands for any characters", PATTERN),
    "ilike": Comparison("{column} ILIKE {value}", "is like this, whether in capitals or not", PATTERN),
}
_CONTAINMENT: Comparisons = {
    "cs": Comparison("{column} @> {value}", "contains this"),
    "cd": Comparison("{column} <@ {value}", "is contained in this"),
    "ov": Comparison("{column} && {value}", "overlaps this"),
}
ARRAYS: Comparisons = {**EQUALITY, **_CONTAINMENT}
RANGES: Comparisons = {
    **EQUALITY,
    **_CONTAINMENT,
    "sl": Comparison("{column} << {value}", "ends before this"),
    "sr": Comparison("{column} >> {value}", "begins after this"),
    "nxr": Comparison("{column} &< {value}", "ends no later than this"),
    "nxl": Comparison("{column} &> {value}", "begins no earlier than this"),
    "adj": Comparison("{column} -|- {value}", "touches this"),
}
NETWORKS: Comparisons = {
    **SCALAR,
    "cs": Comparison("{column} >>= {value}", "contains this, or is it"),
    "cd": Comparison("{column} <<= {value}", "is contained in this, or is it"),
    "ov": _CONTAINMENT["ov"],
}
DOCUMENTS: Comparisons = {
    "eq": Comparison("({column})::jsonb = {value}", "is this"),
    "ne": Comparison("({column})::jsonb <> {value}", "is not this"),
    "cs": Comparison("({column})::jsonb @> {value}", "contains this"),
    "cd": Comparison("({column})::jsonb <@ {value}", "is contained in this"),
}
FULL_TEXT: Comparisons = {
    "wfts": Comparison(
        "{column} @@ websearch_to_tsquery({value})", "has these words, as one would search the web", TEXT
    )
}
