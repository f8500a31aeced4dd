"""The manual's pages that are written from the code are as the code is."""

import pytest

from tests.support.reference import PAGES, REFERENCE

pytestmark = pytest.mark.unit


class TestReference:
    @pytest.mark.parametrize("name", PAGES)
    def test_is_current(self, name: str) -> None:
        assert (REFERENCE / name).read_text(encoding="utf-8") == PAGES[name](), "scripts/docs"
