"""PostgreSQL's type names rendered as SQLAlchemy types."""

import re

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
