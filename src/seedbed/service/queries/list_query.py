"""Parse the query string of a request for a list: filters, sort order, fields, and the signed cursor of a page."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from seedbed.errors import InvalidCursor, InvalidQuery
from seedbed.service.queries.resources import Resource
from seedbed.service.queries.value_parser import InvalidValue, ValueParser, split_list
from seedbed.service.queries.visibility import ReadableColumn

_SIGNATURE_BYTES = 16

DEFAULT_LIMIT, MAX_LIMIT = 50, 200
RESERVED_PARAMETERS = frozenset({"limit", "cursor", "sort", "fields", "count"})
_MAX_PARAMETERS = 100
_MAX_VALUES = 100
_MAX_DIGITS = 9


class CursorSigner:
    """Signs cursors with a key. A cursor is valid only for the list and the order that it was created for.

    A cursor is not encrypted. It contains the last row's values of the sort columns, and nothing else.
    """

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.sha256(b"seedbed cursors" + key).digest()

    def encode(self, list_scope: str, values: Sequence[str | None]) -> str:
        """Encode a row's values. `list_scope` is the list and its order; it is signed, but not part of the cursor."""
        payload = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._sign(list_scope, payload) + payload).decode().rstrip("=")

    def decode(self, list_scope: str, text: str) -> list[str | None]:
        """Decode the values of a cursor.

        Raises:
            InvalidCursor: this service did not create the cursor, or it is for another list or order.
        """
        try:
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            raise InvalidCursor from None
        signature, payload = raw[:_SIGNATURE_BYTES], raw[_SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(list_scope, payload)):
            raise InvalidCursor
        values: list[str | None] = json.loads(payload)
        return values

    def _sign(self, list_scope: str, payload: bytes) -> bytes:
        return hmac.digest(self._key, list_scope.encode() + b"\0" + payload, "sha256")[:_SIGNATURE_BYTES]


@dataclass(frozen=True)
class Filter:
    """A comparison of a column with one value, several for `in`, or none for `null`."""

    column: ReadableColumn
    operator: str
    values: tuple[bytes, ...]


@dataclass(frozen=True)
class ListQuery:
    """A validated list request: every column is readable, and every value is valid for its column.

    `fields` are names of columns and of the model's computed fields. In `sort`, True means descending.
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


def parse_list_query(resource: Resource, query_string: bytes) -> ListQuery:
    """Parse the query string of a list request.

    Raises:
        InvalidQuery: a parameter is unknown, or its value is invalid. A column that may not be read is reported like
            one that does not exist.
    """
    if not query_string:
        return create_default_query(resource)
    filters: list[Filter] = []
    reserved: dict[str, str] = {}
    for name, text in _parse_pairs(query_string):
        if name in RESERVED_PARAMETERS:
            if name in reserved:
                raise InvalidQuery(name, "it is given twice")
            reserved[name] = text
        else:
            filters.append(_parse_filter(resource, name, text))
    return ListQuery(
        fields=_parse_names(resource, reserved.get("fields")),
        filters=tuple(filters),
        sort=_parse_sort(resource, reserved.get("sort")),
        limit=_parse_limit(reserved.get("limit")),
        cursor=reserved.get("cursor"),
        count=_parse_count(reserved.get("count")),
    )


def parse_fields(resource: Resource, query_string: bytes) -> tuple[str, ...]:
    """Parse the query string of a request for one row, which may only have `fields`."""
    if not query_string:
        return tuple(resource.response.fields)
    pairs = _parse_pairs(query_string)
    for name, _ in pairs:
        if name != "fields":
            raise InvalidQuery(None, "the parameter here is fields")
    if len(pairs) > 1:
        raise InvalidQuery("fields", "it is given twice")
    return _parse_names(resource, pairs[0][1] if pairs else None)


def create_default_query(resource: Resource) -> ListQuery:
    return ListQuery(
        tuple(resource.response.fields),
        (),
        tuple((column, False) for column in resource.key),
        DEFAULT_LIMIT,
        None,
        None,
    )


def parse_value(column: ReadableColumn, text: str, name: str, parser: ValueParser | None = None) -> bytes:
    """Parse a value with the column's parser, or with the given one. Return the text that PostgreSQL accepts."""
    chosen = parser or column.type_mapping.parser
    try:
        if "\0" in text:
            raise InvalidValue("PostgreSQL has no NUL")
        return (chosen.parse(text) if chosen is not None else text).encode()
    except UnicodeEncodeError:
        raise InvalidQuery(name, "it is not Unicode") from None
    except InvalidValue as error:
        raise InvalidQuery(name, str(error)) from None


def _parse_pairs(query_string: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query_string.decode(), keep_blank_values=True, errors="strict", max_num_fields=_MAX_PARAMETERS)
    except UnicodeDecodeError:
        raise InvalidQuery(None, "it is not UTF-8") from None
    except ValueError:
        raise InvalidQuery(None, f"it has more than {_MAX_PARAMETERS} parameters") from None


def _parse_filter(resource: Resource, name: str, text: str) -> Filter:
    column, operator = resource.columns.get(name), "eq"
    if column is None:
        column_name, _, operator = name.rpartition(".")
        column = resource.columns.get(column_name)
    if column is None:
        raise InvalidQuery(None, _list_parameters(resource))
    parameter = f"{column.name}.{operator}"
    if operator == "null":
        if text not in {"true", "false"}:
            raise InvalidQuery(parameter, "Input should be true or false")
        return Filter(column, f"null {text}", ())
    comparison = column.type_mapping.comparisons.get(operator)
    if comparison is None:
        operators = ", ".join([*column.type_mapping.comparisons, "null"])
        raise InvalidQuery(None, f"the operators of {column.name} are {operators}")
    texts = split_list(text) if operator == "in" else [text]
    if len(texts) > _MAX_VALUES:
        raise InvalidQuery(parameter, f"Input should have at most {_MAX_VALUES} values")
    return Filter(column, operator, tuple(parse_value(column, each, parameter, comparison.parser) for each in texts))


def _list_parameters(resource: Resource) -> str:
    names = [*sorted(RESERVED_PARAMETERS), *resource.columns]
    return (
        f"the parameters here are {', '.join(names)}, and columns with an operator, such as {resource.key[0].name}.gt"
    )


def _parse_names(resource: Resource, text: str | None) -> tuple[str, ...]:
    fields = resource.response.fields
    if text is None:
        return tuple(fields)
    names = text.split(",")
    if len(set(names)) != len(names) or any(name not in fields for name in names):
        raise InvalidQuery("fields", f"Input should be some of {','.join(fields)}")
    requested = set(names)
    return tuple(name for name in fields if name in requested)


def _parse_sort(resource: Resource, text: str | None) -> tuple[tuple[ReadableColumn, bool], ...]:
    """Parse the columns to sort by, and append those of the key, so that the order is total."""
    descending_by_name: dict[str, bool] = {}
    for part in text.split(",") if text is not None else ():
        name = part.removeprefix("-")
        column = resource.columns.get(name)
        if column is None or not column.type_mapping.is_sortable or name in descending_by_name:
            sortable = ",".join(each.name for each in resource.columns.values() if each.type_mapping.is_sortable)
            raise InvalidQuery("sort", f"Input should be some of {sortable}, each with a - before it for descending")
        descending_by_name[name] = part.startswith("-")
    last_descending = next(reversed(descending_by_name.values()), False)
    for column in resource.key:
        descending_by_name.setdefault(column.name, last_descending)
    return tuple((resource.columns[name], descending) for name, descending in descending_by_name.items())


def _parse_limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_LIMIT
    if not (text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS and 1 <= int(text) <= MAX_LIMIT):
        raise InvalidQuery("limit", f"Input should be from 1 to {MAX_LIMIT}")
    return int(text)


def _parse_count(text: str | None) -> str | None:
    if text not in {None, "estimate", "exact"}:
        raise InvalidQuery("count", "Input should be estimate or exact")
    return text
