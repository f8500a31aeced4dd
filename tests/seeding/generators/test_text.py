"""Texts that must look like what they are: patterns, forms and providers, in short columns and in unique ones."""

import ipaddress
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from pydantic import TypeAdapter
from pydantic.networks import EmailStr, HttpUrl

from seedbed.errors import (
    ColumnTooShort,
    InvalidSeedsFile,
    ProviderExhausted,
    SeedError,
    TooFewUniqueValues,
    UnsatisfiablePattern,
)
from seedbed.seeding.analysis.checks.text_functions import compile_regex, convert_similar_to
from seedbed.seeding.generators.text.regex import Pattern, PatternNotSupported
from seedbed.seeding.generators.text.regex_columns import make_match
from seedbed.seeding.planning.seed_plan import SeedPlan, plan
from seedbed.settings import Environment
from tests.support.projects import Project, little_project

pytestmark = pytest.mark.unit

THING = """
from pydantic import EmailStr, HttpUrl
from pydantic import IPvAnyAddress

class Thing(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
"""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Project]]:
    """Writes the project of a test."""
    with ExitStack() as stack:
        yield lambda tables, seeds: stack.enter_context(little_project(tmp_path, tables, seeds))


def planned(project: Project) -> SeedPlan:
    return plan(project.settled, project.load_schema(), Environment.DEVELOPMENT)


def values(made: SeedPlan, column: str) -> list[Any]:
    (table,) = made.tables
    return table.batch(column, range(table.count)).tolist()


def column_of(project: Project, column: str) -> list[Any]:
    return values(planned(project), column)


class TestPatterns:
    @pytest.mark.parametrize(
        "pattern",
        [
            r"^[a-z0-9]+(?:-[a-z0-9]+)*$",
            r"^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$",
            r"^[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?$",
            r"^(?=.*\d)(?=.*[a-z])[A-Za-z\d]{8,}$",
            r"^[^@\s]+@[^@\s]+\.[a-z]{2,}$",
            r"^\w{3}\s\S+$",
            r"^(?:ab|cd){2,3}x*?$",
            r"^(a?b?)*$",
            "abc",
            r"^[一-鿿]{2,4}$",
            r"(?i)^#[0-9a-f]{6}$",
        ],
    )
    def test_texts_match_and_have_the_length_asked_for(self, pattern: str) -> None:
        known = Pattern(pattern)

        for length in range(known.shortest, known.shortest + 6):
            ways = known.count(length)
            texts = [known.text(length, number) for number in range(min(ways, 500))]
            assert {len(text) for text in texts} <= {length}
            if "(?=" not in pattern:
                assert all(re.search(pattern, text) for text in texts)

    @pytest.mark.parametrize("pattern", [r"^[ab]{1,3}(-[cd])?$", r"^(x|yz){2}\d$", r"^[a-c]*$"])
    def test_every_number_is_another_text(self, pattern: str) -> None:
        known = Pattern(pattern)

        for length in range(7):
            texts = [known.text(length, number) for number in range(known.count(length))]
            assert len(set(texts)) == len(texts)

    def test_a_reference_to_a_group_is_not_supported(self) -> None:
        with pytest.raises(PatternNotSupported):
            make_match(r"^(a|b)\1$", "one")

    @pytest.mark.parametrize(
        ("said", "text", "matches"),
        [
            ("^[[:alpha:]]+$", "abc", True),
            ("^[[:alpha:]]+$", "a:]", False),
            ("^[[:digit:][:space:]]+$", "1 2", True),
            (r"\ycat\y", "a cat", True),
            (r"\mcat", "concat", False),
        ],
    )
    def test_of_postgresql_are_read(self, said: str, text: str, matches: bool) -> None:
        assert (compile_regex(said).compiled.search(text) is not None) is matches

    @pytest.mark.parametrize(
        ("said", "text", "matches"),
        [
            ("[0-9]{5}(-[0-9]{4})?", "12345-6789", True),
            ("[0-9]{5}(-[0-9]{4})?", "123456", False),
            ("a.%", "a.bc", True),
            ("a.%", "axbc", False),
            ("_x|y", "y", True),
        ],
    )
    def test_of_similar_to_are_about_the_whole_text(self, said: str, text: str, matches: bool) -> None:
        assert (compile_regex(convert_similar_to(said)).compiled.search(text) is not None) is matches


class TestPatternColumns:
    @pytest.mark.parametrize(
        ("column", "pattern"),
        [
            (r"key: str = Field(max_length=5, schema_extra={'pattern': r'^[a-z]+-[a-z]+$'})", r"[a-z]+-[a-z]+"),
            (
                r"key: str = Field(min_length=30, max_length=40, schema_extra={'pattern': r'^[a-z]+(_[a-z]+)*$'})",
                r"[a-z_]{30,40}",
            ),
            (r"key: str = Field(unique=True, max_length=4, schema_extra={'pattern': r'^[A-Z]\d+$'})", r"[A-Z]\d{1,3}"),
            (r"key: str = Field(max_length=12, schema_extra={'pattern': r'^\d{3}'})", r"\d{3}\w*"),
        ],
    )
    def test_fit_their_length_and_match(self, make: Callable[..., Project], column: str, pattern: str) -> None:
        project = make(f"{THING}    {column}\n", "seeds.add(tables.Thing, 200)")

        found = column_of(project, "key")

        assert [text for text in found if not re.fullmatch(pattern, text)] == []
        assert len(set(found)) > 100

    @pytest.mark.parametrize(
        "check",
        [r"key ~ '^[[:upper:]]{2}\d$'", "key SIMILAR TO '[A-Z][A-Z][0-9]'", r"regexp_like(key, '^[A-Z]{2}\d$')"],
    )
    def test_of_checks_match(self, make: Callable[..., Project], check: str) -> None:
        tables = f"{THING}    key: str\n    __table_args__ = (CheckConstraint({check!r}),)\n"

        found = column_of(make(tables, "seeds.add(tables.Thing, 200)"), "key")

        assert [text for text in found if not re.fullmatch(r"[A-Z]{2}\d", text)] == []

    def test_all_texts_of_a_small_pattern_are_found(self, make: Callable[..., Project]) -> None:
        column = r"    key: str = Field(unique=True, schema_extra={'pattern': r'^[A-F]\d$'})" + "\n"

        assert len(set(column_of(make(THING + column, "seeds.add(tables.Thing, 60)"), "key"))) == 60

    def test_more_rows_than_texts_are_refused(self, make: Callable[..., Project]) -> None:
        column = r"    key: str = Field(unique=True, schema_extra={'pattern': r'^[A-F]\d$'})" + "\n"

        with pytest.raises(TooFewUniqueValues, match="61 rows are planned for 60 possible values"):
            planned(make(THING + column, "seeds.add(tables.Thing, 61)"))

    @pytest.mark.parametrize(
        ("column", "said"),
        [
            (
                r"key: str = Field(max_length=2, schema_extra={'pattern': r'^[a-z]{3}$'})",
                "no text with 0 to 2 characters matches it",
            ),
        ],
    )
    def test_what_cannot_be_made_is_refused(self, make: Callable[..., Project], column: str, said: str) -> None:
        with pytest.raises(UnsatisfiablePattern) as raised:
            planned(make(f"{THING}    {column}\n", "seeds.add(tables.Thing, 5)"))

        assert raised.value.code == "SB426"
        assert "thing.key must match" in raised.value.message
        assert said in raised.value.message

    def test_a_reference_to_a_group_is_refused(self, make: Callable[..., Project]) -> None:
        check = r"""CheckConstraint(r"key ~ '^(a|b)\1$'")"""
        project = make(f"{THING}    key: str\n    __table_args__ = ({check},)\n", "seeds.add(tables.Thing, 5)")

        with pytest.raises(UnsatisfiablePattern, match="groupref"):
            planned(project)


def _iban_is_valid(text: str) -> bool:
    return int("".join(str(int(sign, 36)) for sign in text[4:] + text[:4])) % 97 == 1


def _ean_is_valid(text: str) -> bool:
    numbers = [int(sign) for sign in text if sign.isdigit()]
    return sum(number * (3 if at % 2 else 1) for at, number in enumerate(reversed(numbers))) % 10 == 0


def _card_is_valid(text: str) -> bool:
    numbers = [int(sign) * (2 if at % 2 else 1) for at, sign in enumerate(reversed(text))]
    return sum(number // 10 + number % 10 for number in numbers) % 10 == 0


def _is_address(text: str) -> bool:
    return bool(ipaddress.ip_address(text))


def _is_email(text: str) -> bool:
    return bool(TypeAdapter(EmailStr).validate_python(text))


def _is_url(text: str) -> bool:
    return bool(TypeAdapter(HttpUrl).validate_python(text))


def _like(pattern: str) -> Callable[[str], bool]:
    return lambda text: re.fullmatch(pattern, text) is not None


class TestUniqueForms:
    @pytest.mark.parametrize(
        ("column", "is_right"),
        [
            ("token: str = Field(unique=True)", _like("[0-9a-f]{64}")),
            ("password_hash: str = Field(unique=True, max_length=40)", _like("[0-9a-f]{40}")),
            ("mac_address: str = Field(unique=True)", _like("([0-9a-f]{2}:){5}[0-9a-f]{2}")),
            ("color: str = Field(unique=True)", _like("#[0-9a-f]{6}")),
            ("color: str = Field(unique=True, max_length=6)", _like("[0-9a-f]{6}")),
            ("ip_address: str = Field(unique=True, max_length=15)", _is_address),
            ("iban: str = Field(unique=True, max_length=34)", _iban_is_valid),
            ("isbn: str = Field(unique=True)", _ean_is_valid),
            ("ean: str = Field(unique=True, max_length=13)", _ean_is_valid),
            ("card_number: str = Field(unique=True)", _card_is_valid),
            ("license_plate: str = Field(unique=True)", _like(r"[A-Z]{3}-\d{4}")),
            ("swift: str = Field(unique=True, max_length=11)", _like("[A-Z]{8}")),
            ("uuid: str = Field(unique=True, max_length=36)", lambda text: str(UUID(text)) == text),
            ("email: str = Field(unique=True, max_length=12)", _is_email),
            ("email: EmailStr = Field(unique=True, max_length=30)", _is_email),
            ("url: str = Field(unique=True)", _is_url),
            ("url: str = Field(unique=True, max_length=24)", _is_url),
            ("website: str = Field(unique=True, max_length=18)", _is_url),
            ("phone: str = Field(unique=True, max_length=11)", _like(r"[\d ]+")),
            ("hostname: str = Field(unique=True, max_length=20)", _like(r"[a-z0-9-]+\.[a-z.]+")),
            ("username: str = Field(unique=True, max_length=12)", _like("[a-z0-9_]+")),
            ("slug: str = Field(unique=True, max_length=10)", _like("[a-z0-9-]+")),
            ("filename: str = Field(unique=True, max_length=100)", _like(r"[a-z0-9-]+\.[a-z0-9]+")),
            ("filename: str = Field(unique=True, max_length=12)", _like(r"[a-z]+\.txt")),
            ("path: str = Field(unique=True)", _like(r"(/[a-z0-9-]+)+\.[a-z0-9]+")),
            ("avatar: str = Field(unique=True, max_length=32)", _is_url),
        ],
    )
    def test_each_value_has_its_form(
        self, make: Callable[..., Project], column: str, is_right: Callable[[str], bool]
    ) -> None:
        longest = re.search(r"max_length=(\d+)", column)
        project = make(f"{THING}    {column}\n", "seeds.add(tables.Thing, 5000)")

        found = column_of(project, column.partition(":")[0])

        assert [text for text in found if not is_right(text)] == []
        assert len({text.lower() for text in found}) == 5000
        assert longest is None or max(map(len, found)) <= int(longest[1])

    @pytest.mark.parametrize(
        ("column", "said"),
        [
            ("address: EmailStr = Field(max_length=6)", "thing.address holds a value like email"),
            (
                "page: HttpUrl = Field(sa_type=String(10))",
                "thing.page holds a value like address",
            ),
        ],
    )
    def test_a_column_too_short_for_its_type_is_refused(
        self, make: Callable[..., Project], column: str, said: str
    ) -> None:
        start = "from sqlalchemy import String\n" + THING

        with pytest.raises(ColumnTooShort) as raised:
            planned(make(f"{start}    {column}\n", "seeds.add(tables.Thing, 3)"))

        assert raised.value.code == "SB428"
        assert said in raised.value.message

    def test_a_digit_is_not_put_to_a_number_of_a_fixed_length(self, make: Callable[..., Project]) -> None:
        column = "    swift: str = Field(unique=True, max_length=4)\n    last4: str = Field(max_length=4)\n"

        found = planned(make(THING + column, "seeds.add(tables.Thing, 20_000)"))

        assert all(re.fullmatch("[A-Z]{4}", text) for text in values(found, "swift"))
        assert all(re.fullmatch(r"\d{4}", text) for text in values(found, "last4"))


class TestUniqueProviders:
    @pytest.mark.parametrize(
        ("rule", "pattern"),
        [
            ("faker('bothify', text='ORD-######')", r"ORD-\d{6}"),
            ("faker('numerify', text='%##-#')", r"[1-9]\d\d-\d"),
            ("faker('hexify', text='^^^^^^', upper=True)", "[0-9A-F]{6}"),
            ("faker('credit_card_number')", r"\d{11,19}"),
            ("faker('phone_number', locale='de_DE')", r"[+()\d ]+"),
            ("faker('email')", r"[^@\s]+@example\.(com|org|net)"),
            ("faker('user_name')", r"[a-z0-9]+"),
            ("faker('url')", r"https?://\S+"),
            ("faker('domain_name')", r"[a-z0-9-]+\.[a-z.]+"),
            ("faker('file_name')", r"[A-Za-z0-9-]+\.\w+"),
            ("faker('mac_address')", "([0-9a-f]{2}:){5}[0-9a-f]{2}"),
            ("faker('ipv6')", "[0-9a-f:]+"),
            ("faker('uuid4')", "[0-9a-f-]{36}"),
            ("faker('color')", "#[0-9a-f]{6}"),
            ("faker('name')", r"[A-Z].+"),
        ],
    )
    def test_each_value_is_one_of_the_provider(self, make: Callable[..., Project], rule: str, pattern: str) -> None:
        project = make(f"{THING}    made: str = Field(unique=True)\n", f"seeds.add(tables.Thing, 3000, made={rule})")

        found = column_of(project, "made")

        assert len({text.lower() for text in found}) == 3000
        assert [text for text in found if not re.fullmatch(pattern, text)] == []

    def test_numbers_stand_where_an_address_has_room_for_them(self, make: Callable[..., Project]) -> None:
        project = make(
            f"{THING}    made: str = Field(unique=True, max_length=60)\n",
            "seeds.add(tables.Thing, 60_000, made=faker('email'))",
        )

        found = column_of(project, "made")

        assert len({text.lower() for text in found}) == 60_000
        assert [text for text in found if not re.fullmatch(r"[^@\s]+@[a-z]+\.[a-z]+", text)] == []
        assert any(re.fullmatch(r"[^@]+\d@.+", text) for text in found)

    @pytest.mark.parametrize("rule", ["faker('country_code')", "faker('random_digit')", "faker('safe_color_name')"])
    def test_a_provider_with_too_few_values_is_refused(self, make: Callable[..., Project], rule: str) -> None:
        project = make(f"{THING}    made: str = Field(unique=True)\n", f"seeds.add(tables.Thing, 5000, made={rule})")

        with pytest.raises(ProviderExhausted) as raised:
            planned(project)

        assert raised.value.code == "SB427"
        assert "thing.made is unique and needs 5,000 values" in raised.value.message
        assert 0 < raised.value.available < 300

    def test_names_without_room_for_a_number_give_way_to_letters(self, make: Callable[..., Project]) -> None:
        project = make(f"{THING}    job: str = Field(unique=True, max_length=9)\n", "seeds.add(tables.Thing, 5000)")

        found = column_of(project, "job")

        assert len({text.lower() for text in found}) == 5000
        assert max(map(len, found)) <= 9

    def test_numbers_of_a_provider_are_unique_too(self, make: Callable[..., Project]) -> None:
        project = make(
            f"{THING}    made: int = Field(unique=True)\n",
            "seeds.add(tables.Thing, 900, made=faker('random_int', min=1, max=1000))",
        )

        assert len(set(column_of(project, "made"))) == 900

    def test_a_value_longer_than_its_column_gives_way_to_another(self, make: Callable[..., Project]) -> None:
        project = make(
            f"{THING}    made: str = Field(max_length=24)\n", "seeds.add(tables.Thing, 300, made=faker('email'))"
        )

        found = column_of(project, "made")

        assert [text for text in found if not re.fullmatch(r"[^@\s]+@[a-z]+\.(com|org|net)", text)] == []

    def test_a_provider_that_never_fits_is_refused_at_its_line(self, make: Callable[..., Project]) -> None:
        project = make(
            f"{THING}    made: str = Field(max_length=8)\n", "seeds.add(tables.Thing, 300, made=faker('uuid4'))"
        )

        with pytest.raises(InvalidSeedsFile, match=r"line 6.*gives no value of at most 8 characters"):
            column_of(project, "made")


class TestUniqueExpressions:
    @pytest.mark.parametrize(
        ("index", "column", "rule"),
        [
            ("lower(email)", "email: str", ""),
            ("lower(code)", "code: str = Field(max_length=3)", ", code=faker('lexify', text='???')"),
            ("upper(made)", "made: str", ", made=faker('user_name')"),
            ("lower(key)", "key: str = Field(schema_extra={'pattern': r'^[A-Za-z]{3}$'})", ""),
        ],
    )
    def test_values_differ_without_capitals(
        self, make: Callable[..., Project], index: str, column: str, rule: str
    ) -> None:
        tables = f"{THING}    {column}\n    __table_args__ = (Index('once', text({index!r}), unique=True),)\n"

        found = column_of(make(tables, f"seeds.add(tables.Thing, 9000{rule})"), column.partition(":")[0])

        assert len({text.lower() for text in found}) == 9000


class TestErrors:
    def test_are_all_of_seeding(self) -> None:
        assert all(issubclass(error, SeedError) for error in (ColumnTooShort, UnsatisfiablePattern, ProviderExhausted))
