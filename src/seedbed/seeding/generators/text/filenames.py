"""Names of files, and media types that agree with them within a row."""

from typing import TYPE_CHECKING

from seedbed.seeding.core.batch import Batch, Coded, Joined, fixed_pool
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.generators.column_generator import Filling, Wish, chosen
from seedbed.seeding.generators.data.words import KINDS, NOUNS
from seedbed.seeding.generators.text.composed import in_turns

if TYPE_CHECKING:
    from seedbed.seeding.planning.table_plan import TablePlan

_TYPES = {
    "pdf": "application/pdf", "png": "image/png", "jpg": "image/jpeg", "csv": "text/csv", "txt": "text/plain",
    "zip": "application/zip", "mp4": "video/mp4",
}  # fmt: skip
_ROOM = 28
"""Characters of the longest name and of the longest type."""
_ADJECTIVES = fixed_pool("adjectives of files", [f"{kind.lower()}-" for kind in KINDS])
_NOUNS = fixed_pool("nouns of files", [f"{noun}-" for noun in NOUNS])
_KINDS_OF_STEMS = fixed_pool("adjectives of unique files", [kind.lower() for kind in KINDS])
_NOUNS_OF_STEMS = fixed_pool("nouns of unique files", NOUNS)
_ENDINGS = fixed_pool("endings of files", [f".{ending}" for ending in _TYPES])
_MEDIA = fixed_pool("media types", [*_TYPES.values()])


def files(wish: Wish, how: str) -> Filling | None:
    """What a file is called, or what is in it; None where the column is too short."""
    facts, table = wish.table.facts[wish.name], wish.table
    number = len(f"-{wish.most}") if wish.unique else 0
    if facts.shortest or (facts.longest is not None and facts.longest < _ROOM + number):
        return None
    if how == "media type":
        if wish.unique:
            return chosen(wish, [*_TYPES.values()])
        return Filling(wish.name, "a media type", lambda rows: Coded(None, _kinds(table, rows), _MEDIA))

    def make_unique(rows: range) -> Batch:
        stems = in_turns(wish, rows, [_KINDS_OF_STEMS, _NOUNS_OF_STEMS], ["", "-", "-", ""])
        return Joined(None, len(rows), (*stems.parts, Coded(None, _kinds(table, rows), _ENDINGS)))

    if wish.unique:
        return Filling(wish.name, "a file's name, unique", make_unique)

    def make(rows: range) -> Batch:
        adjective = Coded(None, wish.stream.below(_ADJECTIVES.size, rows), _ADJECTIVES)
        noun = Coded(None, wish.stream.part("noun").below(_NOUNS.size, rows), _NOUNS)
        number = wish.stream.part("number").below(999, rows) + 1
        return Joined(None, len(rows), (adjective, noun, number, Coded(None, _kinds(table, rows), _ENDINGS)))

    return Filling(wish.name, "a file's name", make)


def _kinds(table: "TablePlan", rows: range) -> Ints:
    return table.stream("kind of file").below(len(_TYPES), rows)
