"""Every error has a code of its own, and a place in the manual."""

import re
from pathlib import Path

import pytest

from seedbed import errors
from seedbed.errors import SeedbedError

MANUAL = Path(__file__).parents[2] / "docs" / "reference" / "errors.md"


def concrete(error: type[SeedbedError]) -> list[type[SeedbedError]]:
    own = [error] if "code" in vars(error) else []
    return own + [found for child in error.__subclasses__() for found in concrete(child)]


ERRORS = concrete(SeedbedError)


class TestErrors:
    def test_have_a_code_each(self) -> None:
        codes = [error.code for error in ERRORS]

        assert len(codes) == len(set(codes))
        assert all(re.fullmatch(r"SB[1-7]\d\d", code) for code in codes)

    @pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
    def test_have_a_heading_in_the_manual(self, error: type[SeedbedError]) -> None:
        assert f"## {error.code} {error.__name__}\n" in MANUAL.read_text(encoding="utf-8")

    def test_are_all_that_the_manual_has(self) -> None:
        written = re.findall(r"^## (SB\d+)", MANUAL.read_text(encoding="utf-8"), flags=re.MULTILINE)

        assert sorted(written) == sorted(error.code for error in ERRORS)

    def test_have_the_first_digit_of_their_branch_of_the_tree(self) -> None:
        for digit, branch in {
            "1": errors.ProjectError,
            "2": errors.MigrationError,
            "3": errors.ServerError,
            "4": errors.SeedError,
            "5": errors.BranchError,
            "6": errors.ServiceError,
            "7": errors.TestingError,
        }.items():
            assert {error.code[2] for error in concrete(branch)} == {digit}
