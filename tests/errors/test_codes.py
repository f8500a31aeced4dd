"""Every error has a unique code, an example and a place in the tree."""

import re
import sys

import pytest

from seedbed import errors
from seedbed.errors import SeedbedError
from tests.support.error_examples import EXAMPLES

pytestmark = pytest.mark.unit


def concrete_errors(error: type[SeedbedError]) -> list[type[SeedbedError]]:
    """The class and its subclasses that have their own code."""
    own = [error] if "code" in vars(error) else []
    return own + [leaf for child in error.__subclasses__() for leaf in concrete_errors(child)]


ERRORS = concrete_errors(SeedbedError)


class TestErrors:
    def test_codes_are_unique(self) -> None:
        codes = [error.code for error in ERRORS]

        assert len(codes) == len(set(codes))
        assert all(re.fullmatch(r"SB[1-7]\d\d", code) for code in codes)

    def test_every_error_has_an_example(self) -> None:
        assert {*EXAMPLES} == {*ERRORS}

    @pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
    def test_first_line_of_the_docstring_is_a_sentence(self, error: type[SeedbedError]) -> None:
        first_line = (error.__doc__ or "").splitlines()[0]

        assert first_line.endswith(".")

    @pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
    def test_is_exported_by_the_package(self, error: type[SeedbedError]) -> None:
        assert getattr(errors, error.__name__) is error

    def test_modules_are_sorted_by_code(self) -> None:
        for module in {error.__module__ for error in ERRORS}:
            codes = [error.code for error in _in_order_of_definition(module)]

            assert codes == sorted(codes), module

    def test_first_digit_is_that_of_the_base_class(self) -> None:
        for digit, base in {
            "1": errors.ProjectError,
            "2": errors.MigrationError,
            "3": errors.ServerError,
            "4": errors.SeedError,
            "5": errors.BranchError,
            "6": errors.ServiceError,
            "7": errors.TestingError,
        }.items():
            assert {error.code[2] for error in concrete_errors(base)} == {digit}


def _in_order_of_definition(module: str) -> list[type[SeedbedError]]:
    members = vars(sys.modules[module]).values()
    return [member for member in members if member in ERRORS and member.__module__ == module]
