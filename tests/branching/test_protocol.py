"""Branches may be called nearly anything, and each has a database of its own."""

import pytest
from hypothesis import given, seed
from hypothesis import strategies as st

from seedbed.branching.protocol import build_database_name, check_branch_name
from seedbed.errors import InvalidBranchName

pytestmark = pytest.mark.unit

names = st.text(min_size=1, max_size=256)


class TestDatabaseOf:
    @pytest.mark.parametrize(
        ("branch", "database"),
        [
            ("search", "shop_search"),
            ("preview/pr-42", "shop_preview_pr_42_2ffcc8e6"),
            ("preview_pr_42", "shop_preview_pr_42"),
            ("Search", "shop_search_49c266ba"),
            ("ветка", "shop_d3638b68"),
            ("preview_pr_42_2ffcc8e6", "shop_preview_pr_42_2ffcc8e6_e70869d1"),
            ("a" * 70, f"shop_{'a' * 49}_6bd5e503"),
        ],
    )
    def test_can_be_read_and_is_hashed_where_it_is_not_the_very_name(self, branch: str, database: str) -> None:
        assert build_database_name("shop", branch) == database

    @seed(1)
    @given(names)
    def test_fits_an_identifier_whatever_the_project_and_the_branch_are_called(self, branch: str) -> None:
        for project in ("a", "p" * 40):
            name = build_database_name(project, branch)

            assert name.startswith(f"{project}_")
            assert name.isascii()
            assert len(name) <= 63

    @seed(2)
    @given(st.lists(st.text("ab_-/A", min_size=1, max_size=9), min_size=2, max_size=20, unique=True))
    def test_is_shared_by_no_two_branches(self, branches: list[str]) -> None:
        assert len({build_database_name("shop", branch) for branch in branches}) == len(branches)


class TestCheckName:
    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("", "it is empty, or begins or ends with a space"),
            (" pr-42", "it is empty, or begins or ends with a space"),
            ("pr\n42", "it is longer than 256 characters, or has one without a shape"),
            ("x" * 257, "it is longer than 256 characters, or has one without a shape"),
            ("production", "it is an environment's name"),
        ],
    )
    def test_refuses_what_could_be_mistaken(self, name: str, reason: str) -> None:
        with pytest.raises(InvalidBranchName) as refused:
            check_branch_name(name)

        assert str(refused.value) == f"{name[:256]!r} is not a valid branch name: {reason}."

    def test_lets_everything_else_pass(self) -> None:
        for name in ("preview/pr-42", "feature/search it", "ветка", "x" * 256):
            check_branch_name(name)
