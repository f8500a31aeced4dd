"""Numbers that depend on nothing but their seed, their name and their row."""

import ast
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seedbed.seeding
from seedbed.seeding.core.random_stream import Stream

pytestmark = pytest.mark.unit

EMAIL = Stream(1, "user.email")
FOLDER = Path(seedbed.seeding.__file__).parent
MANY = 5_000
BOUNDED = settings(max_examples=60, derandomize=True, deadline=None)


@st.composite
def splits(draw: st.DrawFn) -> tuple[range, list[range]]:
    """A range of rows, and the same range cut into pieces."""
    start = draw(st.integers(0, MANY))
    stop = draw(st.integers(start, start + 300))
    cuts = sorted({start, stop, *draw(st.lists(st.integers(start, stop), max_size=6))})
    return range(start, stop), [range(a, b) for a, b in pairwise(cuts)]


class TestStream:
    def test_gives_the_words_of_every_engine(self) -> None:
        assert EMAIL.words(range(4)).tolist() == [
            0xC4D5FF62405904B9, 0x7AAD2BB93BD25184, 0xDA17273200C18DCF, 0xC0F84FF48D491046,
        ]  # fmt: skip

    def test_gives_the_order_of_every_engine(self) -> None:
        assert EMAIL.permutation(10, np.arange(10)).tolist() == [3, 5, 6, 8, 2, 7, 1, 9, 0, 4]

    @BOUNDED
    @given(splits(), st.integers(0, 2**63 - 1))
    def test_gives_a_row_the_same_number_in_whichever_range_it_is_asked_for(
        self, split: tuple[range, list[range]], seed: int
    ) -> None:
        whole, pieces = split
        stream = Stream(seed, "task.title")

        for draw in (stream.words, stream.fractions, lambda rows: stream.below(1_000, rows)):
            together = [number for piece in pieces for number in draw(piece).tolist()]
            assert together == draw(whole).tolist()

    @BOUNDED
    @given(st.integers(1, 2**32))
    def test_gives_numbers_below_a_limit(self, limit: int) -> None:
        drawn = EMAIL.below(limit, range(200))

        assert drawn.min() >= 0
        assert drawn.max() < limit

    def test_gives_every_number_below_a_limit_about_equally_often(self) -> None:
        counts = np.bincount(EMAIL.below(10, range(100_000)))

        assert 9_500 < counts.min() < counts.max() < 10_500

    def test_gives_fractions_from_0_up_to_1(self) -> None:
        fractions = EMAIL.fractions(range(100_000))

        assert 0 <= fractions.min() < 0.001
        assert 0.999 < fractions.max() < 1
        assert abs(fractions.mean() - 0.5) < 0.01

    def test_shares_no_numbers_with_another_column_another_part_or_another_seed(self) -> None:
        streams = (
            EMAIL,
            Stream(1, "user.name"),
            Stream(2, "user.email"),
            EMAIL.substream("null"),
            Stream(12, "user.email"),
        )

        words = [word for stream in streams for word in stream.words(range(1_000)).tolist()]

        assert len(set(words)) == len(words)

    @BOUNDED
    @given(st.integers(1, MANY), st.integers(0, 2**63 - 1))
    def test_puts_things_in_an_order_without_repeats(self, size: int, seed: int) -> None:
        places = Stream(seed, "user.email").permutation(size, np.arange(size))

        assert sorted(places.tolist()) == list(range(size))

    @BOUNDED
    @given(st.integers(MANY, 2**48), st.lists(st.integers(0, 2**48), unique=True, max_size=50))
    def test_puts_a_few_of_very_many_things_in_different_places(self, size: int, drawn: list[int]) -> None:
        rows = np.array(sorted({row % size for row in drawn}), dtype=np.int64)

        places = EMAIL.permutation(size, rows).tolist()

        assert len(set(places)) == len(rows)
        assert all(0 <= place < size for place in places)

    def test_uses_no_distribution_of_numpy_which_promises_none(self) -> None:
        used = set()
        for module in FOLDER.rglob("*.py"):
            for node in ast.walk(ast.parse(module.read_text())):
                if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "np.random":
                    used.add(node.attr)
                imported = node.module if isinstance(node, ast.ImportFrom) else None
                assert imported is None or not imported.startswith(("numpy.random", "random"))

        assert used == {"Philox"}
