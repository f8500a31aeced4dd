"""Columns and their types rendered as SQL and as SQLAlchemy's `sa.Column` calls."""

import re

from seedbed.migrations.diff.statement import quote_python
from seedbed.postgres.catalog.model import Column
from seedbed.postgres.quoting import quote_identifier

_PLAIN = {
    "smallint": "sa.SmallInteger()",
    "integer": "sa.Integer()",
    "bigint": "sa.BigInteger()",
    "smallserial": "sa.SmallInteger()",
    "serial": "sa.Integer()",
    "bigserial": "sa.BigInteger()",
    "real": "sa.REAL()",
    "double precision": "sa.Double()",
    "numeric": "sa.Numeric()",
    "boolean": "sa.Boolean()",
    "text": "sa.Text()",
    "character varying": "sa.String()",
    "bytea": "sa.LargeBinary()",
    "date": "sa.Date()",
    "time without time zone": "sa.Time()",
    "time with time zone": "sa.Time(timezone=True)",
    "timestamp without time zone": "sa.DateTime()",
    "timestamp with time zone": "sa.DateTime(timezone=True)",
    "interval": "sa.Interval()",
    "uuid": "sa.Uuid()",
    "json": "sa.JSON()",
    "jsonb": "postgresql.JSONB()",
    "inet": "postgresql.INET()",
    "cidr": "postgresql.CIDR()",
    "macaddr": "postgresql.MACADDR()",
    "macaddr8": "postgresql.MACADDR8()",
    "money": "postgresql.MONEY()",
    "oid": "postgresql.OID()",
    "regclass": "postgresql.REGCLASS()",
    "tsvector": "postgresql.TSVECTOR()",
    "tsquery": "postgresql.TSQUERY()",
    "int4range": "postgresql.INT4RANGE()",
    "int8range": "postgresql.INT8RANGE()",
    "numrange": "postgresql.NUMRANGE()",
    "daterange": "postgresql.DATERANGE()",
    "tsrange": "postgresql.TSRANGE()",
    "tstzrange": "postgresql.TSTZRANGE()",
    "int4multirange": "postgresql.INT4MULTIRANGE()",
    "int8multirange": "postgresql.INT8MULTIRANGE()",
    "nummultirange": "postgresql.NUMMULTIRANGE()",
    "datemultirange": "postgresql.DATEMULTIRANGE()",
    "tsmultirange": "postgresql.TSMULTIRANGE()",
    "tstzmultirange": "postgresql.TSTZMULTIRANGE()",
    "citext": "postgresql.CITEXT()",
    "hstore": "postgresql.HSTORE()",
}

_SIZED = (
    (r"character varying\((\d+)\)", "sa.String(length={0})"),
    (r"character\((\d+)\)", "sa.CHAR(length={0})"),
    (r"numeric\((\d+),(\d+)\)", "sa.Numeric(precision={0}, scale={1})"),
    (r"bit\((\d+)\)", "postgresql.BIT({0})"),
    (r"bit varying\((\d+)\)", "postgresql.BIT({0}, varying=True)"),
    (r"bit varying", "postgresql.BIT(varying=True)"),
    (r"time\((\d)\) without time zone", "postgresql.TIME(precision={0})"),
    (r"time\((\d)\) with time zone", "postgresql.TIME(timezone=True, precision={0})"),
    (r"timestamp\((\d)\) without time zone", "postgresql.TIMESTAMP(precision={0})"),
    (r"timestamp\((\d)\) with time zone", "postgresql.TIMESTAMP(timezone=True, precision={0})"),
    (r"interval\((\d)\)", "postgresql.INTERVAL(precision={0})"),
)

_IDENTITY = re.compile(r"start (-?\d+) increment (-?\d+) minimum (-?\d+) maximum (-?\d+) cache (\d+) cycle ([tf])")
_HIGHEST = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}


def render_type(name: str) -> str | None:
    """Render a type as a SQLAlchemy expression, or None where none is exactly this type.

    `name` is the output of `format_type`. Enums and domains are None: a SQLAlchemy type object would try to create the
    type as well, so such columns are added by SQL.
    """
    if name.endswith("[]"):
        element_call = render_type(name.removesuffix("[]"))
        return f"postgresql.ARRAY({element_call})" if element_call is not None else None
    if name in _PLAIN:
        return _PLAIN[name]
    for pattern, template in _SIZED:
        match = re.fullmatch(pattern, name)
        if match is not None:
            return template.format(*match.groups())
    return None


def render_column(column: Column, *, not_null: bool | None = None, default: str | None = None) -> str:
    """Render a column for CREATE TABLE and ADD COLUMN. `default` is used for a column that has none."""
    parts = [quote_identifier(column.name), column.type]
    if column.collation:
        parts.append(f"COLLATE {column.collation}")
    if column.generated:
        parts.append(f"GENERATED ALWAYS AS ({_strip_parentheses(column.default)}) {column.generated.upper()}")
    elif column.identity:
        parts.append(f"GENERATED {column.identity.upper()} AS IDENTITY{render_identity_options(column)}")
    elif (default or column.default) is not None:
        parts.append(f"DEFAULT {default or column.default}")
    if _is_required(column) if not_null is None else not_null:
        parts.append("NOT NULL")
    return " ".join(parts)


def render_sqlalchemy_column(
    column: Column, *, not_null: bool | None = None, default: str | None = None, is_sole_primary_key: bool = False
) -> str | None:
    """Render a column as `sa.Column(...)`, or None where SQLAlchemy cannot express it."""
    type_call = render_type(column.type)
    if type_call is None or column.collation:
        return None
    parts = [quote_python(column.name), type_call]
    if column.generated:
        parts.append(
            f"sa.Computed({quote_python(_strip_parentheses(column.default))}, persisted={column.generated == 'stored'})"
        )
    elif column.identity:
        options = parse_identity_options(column)
        arguments = "".join(f", {option}={value!r}" for option, value in options.items())
        parts.append(f"sa.Identity(always={column.identity == 'always'}{arguments})")
    elif (default or column.default) is not None:
        parts.append(f"server_default=sa.text({quote_python(escape_colons(default or column.default or ''))})")
    is_required = _is_required(column) if not_null is None else not_null
    parts.append(f"nullable={not is_required}")
    if is_sole_primary_key and not column.identity and column.default is None and column.type in _SERIAL_TYPES:
        parts.append("autoincrement=False")
    return f"sa.Column({', '.join(parts)})"


_SERIAL_TYPES = frozenset({"smallint", "integer", "bigint"})
"""Types for which SQLAlchemy would create a sequence if a sole primary key has no default."""


def parse_identity_options(column: Column) -> dict[str, int | bool]:
    """The options of an identity column that differ from PostgreSQL's defaults."""
    match = _IDENTITY.fullmatch(column.identity_options or "")
    if match is None:
        return {}
    start, increment, minimum, maximum, cache = (int(number) for number in match.groups()[:5])
    is_ascending = increment > 0
    type_maximum = _HIGHEST.get(column.type, 2**63 - 1)
    default_minimum, default_maximum = (1, type_maximum) if is_ascending else (-type_maximum - 1, -1)
    options: dict[str, int | bool] = {}
    if start != (minimum if is_ascending else maximum):
        options["start"] = start
    if increment != 1:
        options["increment"] = increment
    if minimum != default_minimum:
        options["minvalue"] = minimum
    if maximum != default_maximum:
        options["maxvalue"] = maximum
    if cache != 1:
        options["cache"] = cache
    if match[6] == "t":
        options["cycle"] = True
    return options


_IDENTITY_CLAUSES = {
    "start": "START",
    "increment": "INCREMENT",
    "minvalue": "MINVALUE",
    "maxvalue": "MAXVALUE",
    "cache": "CACHE",
}


def render_identity_options(column: Column) -> str:
    options = parse_identity_options(column)
    clauses = [
        f"{_IDENTITY_CLAUSES[option]} {value}" for option, value in options.items() if option in _IDENTITY_CLAUSES
    ]
    clauses += ["CYCLE"] if options.get("cycle") else []
    return f" ({' '.join(clauses)})" if clauses else ""


def render_identity_changes(column: Column) -> str:
    """Render every option of an identity column as SET clauses, which do not depend on its old options."""
    match = _IDENTITY.fullmatch(column.identity_options or "")
    if match is None:
        return ""
    start, increment, minimum, maximum, cache, cycle = match.groups()
    return (
        f"SET INCREMENT {increment} SET MINVALUE {minimum} SET MAXVALUE {maximum} SET START {start} SET CACHE {cache}"
        f" SET {'CYCLE' if cycle == 't' else 'NO CYCLE'}"
    )


def render_not_valid_not_null(column: Column) -> str:
    """Render NOT NULL for new rows only, for ALTER TABLE."""
    constraint_name = quote_identifier(column.unvalidated_not_null or "")
    return f"ADD CONSTRAINT {constraint_name} NOT NULL {quote_identifier(column.name)} NOT VALID"


def _is_required(column: Column) -> bool:
    """Whether a column is created NOT NULL; one that is so for new rows only is altered afterwards."""
    return column.not_null and column.unvalidated_not_null is None


def _strip_parentheses(expression: str | None) -> str:
    """An expression without the parentheses that PostgreSQL prints around all of it."""
    text = expression or ""
    if text.startswith("(") and text.endswith(")"):
        depth = 0
        for position, character in enumerate(text):
            depth += (character == "(") - (character == ")")
            if depth == 0 and position < len(text) - 1:
                return text
        return text[1:-1]
    return text


def escape_colons(expression: str) -> str:
    """Escape a colon before a letter, which `sa.text` would read as a parameter; a double one, a cast, stays."""
    return re.sub(r"(?<!:):(?=[A-Za-z_0-9])", r"\\:", expression)
