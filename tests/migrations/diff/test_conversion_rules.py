"""What is known of a change of type without a database: what it leaves off, and what it may refuse."""

import pytest

from seedbed.migrations.diff.types.conversion_rules import find_lossy_part, find_respelling, is_narrowing, uses_column
from seedbed.postgres.quoting import quote_identifier

pytestmark = pytest.mark.unit


class TestFindLossyPart:
    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("numeric(10,4)", "numeric(10,2)", "what c has beyond 2 digits after the point"),
            ("numeric", "numeric(10,2)", "what c has beyond 2 digits after the point"),
            ("double precision", "numeric(10,2)", "what c has beyond 2 digits after the point"),
            ("text", "integer", "the zeros that c begins with"),
            ("text", "numeric(10,2)", "the zeros that c begins with, and what c has beyond 2 digits after the point"),
            ("text", "real", "the zeros that c begins with, and what c has beyond 6 digits"),
            ("text", "timestamp without time zone", "the time zone that c names"),
            ("interval", "time without time zone", "the days of c"),
            ("numeric(10,2)", "integer", "what c has after the point"),
            ("real", "bigint", "what c has after the point"),
            ("numeric(10,2)[]", "integer[]", "what c has after the point"),
            ("double precision", "real", "what c has beyond 6 digits"),
            ("bigint", "double precision", "what c has beyond 15 digits"),
            ("double precision", "numeric", "what c has beyond 15 digits"),
            ("integer", "boolean", "which number c is where it is not 0"),
            ("timestamp with time zone", "date", "the time of day of c"),
            ("text", "date", "the time of day of c"),
            ("timestamp without time zone", "time without time zone", "the date of c"),
            ("time with time zone", "time without time zone", "the time zone of c"),
            ("timestamp with time zone", "timestamp(0) with time zone", "what c has beyond 0 digits of a second"),
            ("inet", "cidr", "the address of c within its network"),
            ("integer[]", "integer", "all but the first element of c"),
            ("jsonb", "numeric(10,2)", "what c has beyond 2 digits after the point"),
            ("numeric", "boolean", "which number c is where it is not 0"),
            ("interval", "interval day to second", "what c has beside day to second"),
            ("tsrange", "daterange", "the times of day of c"),
            ("polygon", "circle", "what a circle does not hold of c"),
        ],
    )
    def test_describes_what_postgresql_drops_silently(self, old: str, new: str, said: str) -> None:
        assert (find_lossy_part(old, new) or "").format("c") == said

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("numeric(10,2)", "numeric(12,4)"), ("integer", "bigint"), ("bigint", "integer"),
            ("integer", "numeric(12,2)"),
            ("integer", "double precision"), ("real", "double precision"), ("numeric(10,0)", "bigint"),
            ("numeric(10,2)", "double precision"), ("date", "timestamp without time zone"), ("text[]", "jsonb"),
            ("text[]", "text"), ("character varying(50)", "character varying(5)"),
            ("text", "citext"),
            ("timestamp(0) without time zone", "timestamp without time zone"), ("json", "jsonb"),
        ],
    )  # fmt: skip
    def test_is_none_if_values_are_kept_or_refused(self, old: str, new: str) -> None:
        assert find_lossy_part(old, new) is None

    def test_downgrade_of_an_array_to_text_keeps_one_element(self) -> None:
        assert find_lossy_part("text[]", "text", is_downgrade=True) == "all but the first element of {}"


class TestFindRespelling:
    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ("json", "jsonb", "the spaces in c, the order of its keys, and keys that it repeats"),
            ("text", "character(5)", "the spaces that c ends with"),
            ("text", "character varying(5)", "the spaces that c ends with beyond 5 characters"),
            ("text", "uuid", "how c is written, where PostgreSQL writes uuid in another way"),
            ("jsonb", "text[]", "how c is written as JSON"),
        ],
    )
    def test_describes_another_spelling(self, old: str, new: str, said: str) -> None:
        assert (find_respelling(old, new) or "").format("c") == said

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("text", "bytea"), ("text", "json"), ("jsonb", "text"), ("text[]", "text"), ("text[]", "jsonb"),
            ("text", "text[]"), ("character varying(5)", "character varying(9)"), ("character(5)", "text"),
            ("text", "bit(3)"),
        ],
    )  # fmt: skip
    def test_is_none_if_the_text_is_unchanged(self, old: str, new: str) -> None:
        assert find_respelling(old, new) is None


class TestIsNarrowing:
    @pytest.mark.parametrize(
        ("old", "new", "may_refuse"),
        [
            ("text", "character varying(5)", True), ("character varying(5)", "character varying(6)", False),
            ("character varying(50)[]", "character varying(5)[]", True), ("text", "character(5)", True),
            ("integer", "character varying(3)", True), ("integer", "character varying(11)", False),
            ("uuid", "character varying(36)", False), ("jsonb", "character varying(200)", True),
            ("bigint", "integer", True), ("integer", "bigint", False), ("numeric(5,0)", "integer", True),
            ("numeric(10,2)", "numeric(12,4)", False), ("numeric(10,2)", "numeric(10,4)", True),
            ("integer", "numeric(12,2)", False), ("bigint", "numeric(12,2)", True), ("numeric", "numeric(12,2)", True),
            ("numeric(10,2)", "numeric", False), ("bit(8)", "bit(4)", True), ("text", "integer", False),
            ("integer", "bit(3)", True), ("bit(3)", "bit varying", False),
        ],
    )  # fmt: skip
    def test_is_true_if_a_value_may_not_fit(self, old: str, new: str, may_refuse: bool) -> None:
        assert is_narrowing(old, new) is may_refuse


class TestUsesColumn:
    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("NULL", False), ("'{}'::jsonb", False), ("points2 + 1", False), ("points + 1", True),
            ('"points"::text', True), ("lower(Points)", True),
        ],
    )  # fmt: skip
    def test_is_true_if_the_name_is_a_word_of_the_expression(self, expression: str, expected: bool) -> None:
        assert uses_column(expression, "points") is expected


class TestQuoteIdentifier:
    @pytest.mark.parametrize(("name", "quoted"), [("plain", "plain"), ("order", '"order"'), ("100%", '"100%"')])
    def test_quotes_only_where_required(self, name: str, quoted: str) -> None:
        assert quote_identifier(name) == quoted
