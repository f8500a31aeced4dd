"""Names of files, and media types that agree with them within a row."""

from collections.abc import Mapping, Sequence
from functools import cache

from seedbed.seeding.core.batch import Batch, Coded, Joined, ValuePool, make_fixed_pool
from seedbed.seeding.core.word_lists import get_words
from seedbed.seeding.generators.column_generator import ColumnGenerator, ColumnRequest, generate_choice
from seedbed.seeding.generators.text.composed import make_unique_combinations
from seedbed.seeding.resolution.resolved_table import ResolvedTable

_TYPES = {
    "pdf": "application/pdf", "png": "image/png", "jpg": "image/jpeg", "csv": "text/csv", "txt": "text/plain",
    "zip": "application/zip", "mp4": "video/mp4",
}  # fmt: skip
_ROOM = 28
"""Characters of the longest name and of the longest type."""


@cache
def _make_pool(part: str) -> ValuePool:
    """The parts that names of files are put together from."""
    adjectives, nouns = [word.lower() for word in get_words("adjective")], get_words("noun")
    entries: Mapping[str, Sequence[str]] = {
        "adjectives of files": [f"{adjective}-" for adjective in adjectives],
        "nouns of files": [f"{noun}-" for noun in nouns],
        "adjectives of unique files": adjectives,
        "nouns of unique files": nouns,
        "endings of files": [f".{ending}" for ending in _TYPES],
        "media types": [*_TYPES.values()],
    }
    return make_fixed_pool(part, entries[part])


def generate_files(request: ColumnRequest, how: str) -> ColumnGenerator | None:
    """What a file is called, or what is in it; None where the column is too short."""
    constraints, table = request.table.value_constraints[request.name], request.table
    number = len(f"-{request.required_count}") if request.is_unique else 0
    if constraints.shortest or (constraints.longest is not None and constraints.longest < _ROOM + number):
        return None
    if how == "media type":
        if request.is_unique:
            return generate_choice(request, [*_TYPES.values()])
        return ColumnGenerator(request.name, "a media type", lambda rows: _select_by_type(table, rows, "media types"))
    if request.is_unique:
        stems = [_make_pool("adjectives of unique files"), _make_pool("nouns of unique files")]

        def make_unique(rows: range) -> Batch:
            parts = make_unique_combinations(request, rows, stems, ["", "-", "-", ""]).parts
            return Joined(None, len(rows), (*parts, _select_by_type(table, rows, "endings of files")))

        return ColumnGenerator(request.name, "a file's name, unique", make_unique)
    adjectives, nouns = _make_pool("adjectives of files"), _make_pool("nouns of files")

    def make(rows: range) -> Batch:
        adjective = Coded(None, request.stream.below(adjectives.size, rows), adjectives)
        noun = Coded(None, request.stream.substream("noun").below(nouns.size, rows), nouns)
        number = request.stream.substream("number").below(999, rows) + 1
        return Joined(None, len(rows), (adjective, noun, number, _select_by_type(table, rows, "endings of files")))

    return ColumnGenerator(request.name, "a file's name", make)


def _select_by_type(table: ResolvedTable, rows: range, part: str) -> Coded:
    """What follows from the types of a row's files."""
    return Coded(None, table.make_stream("kind of file").below(len(_TYPES), rows), _make_pool(part))
