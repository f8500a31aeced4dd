"""Names of tables and columns that masking keeps or empties."""

from pathlib import Path

import pytest

from seedbed.seeding.masking import MaskingExceptions
from seedbed.seeding.masking.exceptions import format_path, matches
from seedbed.settings import Project

pytestmark = pytest.mark.unit


class TestNames:
    @pytest.mark.parametrize(
        ("pattern", "path", "expected"),
        [
            ("log", ("public", "log"), True),
            ("public.log", ("public", "log"), True),
            ("log", ("audit", "log"), False),
            ("audit.*", ("audit", "log"), True),
            ("audit.*", ("audit", "log", "text"), False),
            ("*", ("public", "person", "email"), False),
            ("person.legacy_*", ("public", "person", "legacy_email"), True),
            ("Person", ("public", "person"), False),
            ('"a.b"', ("public", "a.b"), True),
            ('"lo*"', ("public", "log"), False),
            ('"say ""hi"""', ("public", 'say "hi"'), True),
            ("pg_largeobject", ("pg_catalog", "pg_largeobject"), True),
        ],
    )
    def test_match_part_by_part(self, pattern: str, path: tuple[str, ...], expected: bool) -> None:
        assert matches(pattern, path) is expected

    @pytest.mark.parametrize("path", [("public", "log"), ("audit", "a.b", 'c "d"'), ("neon_auth", "users_sync")])
    def test_match_as_they_are_shown(self, path: tuple[str, ...]) -> None:
        assert matches(format_path(path), path)


class TestExceptions:
    def test_of_a_project_and_of_options_count_together(self) -> None:
        project = Project(root=Path(), name="shop", masking_keep=("country",), masking_empty=("neon_auth.*",))

        exceptions = MaskingExceptions.from_project(project, keep=["unit"], empty=["log"])

        assert [exceptions.keeps(("public", name)) for name in ("country", "unit", "log")] == [True, True, False]
        assert exceptions.empties(("neon_auth", "users_sync"))
        assert exceptions.list_unmatched([("public", "unit")]) == ["log"]
