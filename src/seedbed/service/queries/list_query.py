"""What a request for a list asks for, read from its query."""

from dataclasses import dataclass
from urllib.parse import parse_qsl

from seedbed.errors import InvalidQuery
from seedbed.service.queries.readable_columns import ReadableColumn
from seedbed.service.queries.resources import Resource
from seedbed.service.queries.value_parser import InvalidValue, ValueParser, split_list

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
RESERVED_PARAMETERS = frozenset({"limit", "cursor", "sort", "fields", "count"})
_PARAMETERS_AT_MOST = 100
_VALUES_AT_MOST = 100
_DIGITS = 9


@dataclass(frozen=True)
class Filter:
    """A column compared with values: one, several for `in`, none for `null`."""

    column: ReadableColumn
    operator: str
    values: tuple[bytes, ...]


@dataclass(frozen=True)
class ListQuery:
    """A list as it was asked for, with every name found among what may be read and every value one that fits.

    `fields` are names of columns, and of what a table's model computes.
    """

    fields: tuple[str, ...]
    filters: tuple[Filter, ...]
    sort: tuple[tuple[ReadableColumn, bool], ...]
    limit: int
    cursor: str | None
    count: str | None

    @property
    def order(self) -> str:
        return ",".join(f"{'-' if descending else ''}{column.name}" for column, descending in self.sort)


def parse_list_query(resource: Resource, raw: bytes) -> ListQuery:
    """
    Raises:
        InvalidQuery: a parameter is unknown, or its value cannot be used. A column that may not be read is as unknown
            as one that does not exist.
    """
    if not raw:
        return create_default_query(resource)
    conditions: list[Filter] = []
    given: dict[str, str] = {}
    for name, text in _pairs(raw):
        if name in RESERVED_PARAMETERS:
            if name in given:
                raise InvalidQuery(name, "it is given twice")
            given[name] = text
        else:
            conditions.append(_condition(resource, name, text))
    return ListQuery(
        fields=_fields(resource, given.get("fields")),
        filters=tuple(conditions),
        sort=_sort(resource, given.get("sort")),
        limit=_limit(given.get("limit")),
        cursor=given.get("cursor"),
        count=_count(given.get("count")),
    )


def parse_fields(resource: Resource, raw: bytes) -> tuple[str, ...]:
    """The fields that a request for one row asks for."""
    if not raw:
        return tuple(resource.response.fields)
    pairs = _pairs(raw)
    for name, _ in pairs:
        if name != "fields":
            raise InvalidQuery(None, "the parameter here is fields")
    if len(pairs) > 1:
        raise InvalidQuery("fields", "it is given twice")
    return _fields(resource, pairs[0][1] if pairs else None)


def create_default_query(resource: Resource) -> ListQuery:
    return ListQuery(
        tuple(resource.response.fields), (), tuple((column, False) for column in resource.key), DEFAULT_LIMIT, None, None
    )


def parse_value(column: ReadableColumn, text: str, name: str, parser: ValueParser | None = None) -> bytes:
    """A value as PostgreSQL reads it, if the column could hold it, or if it is one of `parser`."""
    known = parser or column.type_mapping.parser
    try:
        if "\0" in text:
            raise InvalidValue("PostgreSQL has no NUL")
        return (known.parse(text) if known is not None else text).encode()
    except UnicodeEncodeError:
        raise InvalidQuery(name, "it is not Unicode") from None
    except InvalidValue as error:
        raise InvalidQuery(name, str(error)) from None


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(raw.decode(), keep_blank_values=True, errors="strict", max_num_fields=_PARAMETERS_AT_MOST)
    except UnicodeDecodeError:
        raise InvalidQuery(None, "it is not UTF-8") from None
    except ValueError:
        raise InvalidQuery(None, f"it has more than {_PARAMETERS_AT_MOST} parameters") from None


def _condition(resource: Resource, name: str, text: str) -> Filter:
    column, operator = resource.columns.get(name), "eq"
    if column is None:
        before, _, operator = name.rpartition(".")
        column = resource.columns.get(before)
    if column is None:
        raise InvalidQuery(None, _known(resource))
    shown = f"{column.name}.{operator}"
    if operator == "null":
        if text not in {"true", "false"}:
            raise InvalidQuery(shown, "Input should be true or false")
        return Filter(column, f"null {text}", ())
    comparison = column.type_mapping.comparisons.get(operator)
    if comparison is None:
        known = ", ".join([*column.type_mapping.comparisons, "null"])
        raise InvalidQuery(None, f"the operators of {column.name} are {known}")
    texts = split_list(text) if operator == "in" else [text]
    if len(texts) > _VALUES_AT_MOST:
        raise InvalidQuery(shown, f"Input should have at most {_VALUES_AT_MOST} values")
    return Filter(column, operator, tuple(parse_value(column, each, shown, comparison.parser) for each in texts))


def _known(resource: Resource) -> str:
    names = [*sorted(RESERVED_PARAMETERS), *resource.columns]
    return (
        f"the parameters here are {', '.join(names)}, and columns with an operator, such as {resource.key[0].name}.gt"
    )


def _fields(resource: Resource, text: str | None) -> tuple[str, ...]:
    known = resource.response.fields
    if text is None:
        return tuple(known)
    names = text.split(",")
    if len(set(names)) != len(names) or any(name not in known for name in names):
        raise InvalidQuery("fields", f"Input should be some of {','.join(known)}")
    wanted = set(names)
    return tuple(name for name in known if name in wanted)


def _sort(resource: Resource, text: str | None) -> tuple[tuple[ReadableColumn, bool], ...]:
    """The columns to sort by, and then the key's, so that every row has a place of its own."""
    chosen: dict[str, bool] = {}
    for part in text.split(",") if text is not None else ():
        name = part.removeprefix("-")
        column = resource.columns.get(name)
        if column is None or not column.type_mapping.is_sortable or name in chosen:
            known = ",".join(each.name for each in resource.columns.values() if each.type_mapping.is_sortable)
            raise InvalidQuery("sort", f"Input should be some of {known}, each with a - before it for descending")
        chosen[name] = part.startswith("-")
    last = next(reversed(chosen.values()), False)
    for column in resource.key:
        chosen.setdefault(column.name, last)
    return tuple((resource.columns[name], descending) for name, descending in chosen.items())


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS and 1 <= int(text) <= MAX_LIMIT):
        raise InvalidQuery("limit", f"Input should be from 1 to {MAX_LIMIT}")
    return int(text)


def _count(text: str | None) -> str | None:
    if text not in {None, "estimate", "exact"}:
        raise InvalidQuery("count", "Input should be estimate or exact")
    return text
