"""Sequences that stand alone or belong to a serial column."""

from seedbed.migrating.comparing.statements import Statement, name, qualified
from seedbed.postgres.catalogue.model import Sequence


def made(sequence: Sequence) -> list[Statement]:
    """A new sequence, which its column does not own yet: the column may not be there."""
    return [
        Statement(
            f"CREATE SEQUENCE {qualified(sequence.schema, sequence.name)} AS {sequence.type} {_options(sequence)}"
        )
    ]


def dropped(sequence: Sequence) -> list[Statement]:
    return [Statement(f"DROP SEQUENCE {qualified(sequence.schema, sequence.name)}")]


def altered(old: Sequence, new: Sequence) -> list[Statement]:
    full = qualified(new.schema, new.name)
    said = []
    kind = f" AS {new.type}" if old.type != new.type else ""
    if kind or _options(old) != _options(new):
        said.append(f"ALTER SEQUENCE {full}{kind} {_options(new)}")
    return [Statement(sql) for sql in said]


def owned(sequence: Sequence) -> list[Statement]:
    """Whose it is, so that it goes with its column."""
    full = qualified(sequence.schema, sequence.name)
    if sequence.owned_by is None:
        return [Statement(f"ALTER SEQUENCE {full} OWNED BY NONE")]
    schema, table, column = sequence.owned_by
    return [Statement(f"ALTER SEQUENCE {full} OWNED BY {qualified(schema, table)}.{name(column)}")]


def _options(sequence: Sequence) -> str:
    return (
        f"INCREMENT {sequence.increment} MINVALUE {sequence.minimum} MAXVALUE {sequence.maximum}"
        f" START {sequence.start} CACHE {sequence.cache} {'CYCLE' if sequence.cycle else 'NO CYCLE'}"
    )
