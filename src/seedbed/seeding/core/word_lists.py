"""The word lists and tables of values that Seedbed ships, read on first use."""

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def get_words(name: str) -> tuple[str, ...]:
    """One of the lists of words.csv."""
    return read_word_lists()[name]


@cache
def read_word_lists() -> Mapping[str, tuple[str, ...]]:
    """The words of titles, names and sentences, by list; Faker has none that belong together."""
    lists: dict[str, list[str]] = {}
    for row in read_data_rows("words.csv"):
        lists.setdefault(row["list"], []).append(row["word"])
    return {name: tuple(items) for name, items in lists.items()}


def read_data_rows(file: str) -> list[dict[str, str]]:
    """The rows of a CSV file, by column."""
    return [*csv.DictReader(read_data_text(file).splitlines())]


def read_data_text(file: str) -> str:
    return files("seedbed.seeding").joinpath("data", file).read_text(encoding="utf-8")
