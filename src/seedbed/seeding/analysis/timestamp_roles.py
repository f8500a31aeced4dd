"""The order of the times of one row, by the names of their columns."""

import re

from seedbed.seeding.analysis.table_spec import TableSpec
from seedbed.seeding.core.postgres_types import MOMENTS

_CREATION, _CHANGE, _DELETION = (
    ("created", "inserted"),
    ("updated", "modified", "changed"),
    ("deleted", "removed", "archived"),
)
START_NAME = re.compile(
    r"^(?:(.*_)?(?:start|starts|started|begin|begins|began|opens|opened|from|check_in|checkin|departs|departed|departure)"
    r"(_.*)?)$"
)
END_NAME = re.compile(
    r"^(?:(.*_)?(?:end|ends|ended|finish|finishes|finished|closes|closed|to|until|till|check_out|checkout|arrives|arrived"
    r"|arrival|returns|returned)(_.*)?)$"
)
LONG_TERM_NAME = re.compile(
    r"valid|effective|employ|contract|lease|loan|tariff|price|(^|_)rate|(^|_)term$|semester|season|subscription|membership"
    r"|polic|assign|(^|_)year$|warranty|insurance"
)
"""Names of things that last for months or years."""
_FUTURE = re.compile(r"expect|expire|expiry|expires|due|renew|deadline|next_|scheduled|valid_to|valid_until")
_STEPS = (
    "ordered placed requested submitted triggered occurred borrowed enrolled hired hire installed issued booked joined",
    "acknowledged authorized approved confirmed paid accepted posted due",
    "shipped dispatched departed settled processed",
    "delivered arrived received resolved completed returned graduated terminated decommissioned left last_seen",
    "refunded reversed",
)
"""Names of the steps in the life of a thing, in their order."""
_ENDINGS = ("_at", "_on", "_date")
STEP_ORDER = {f"{word}{ending}": n for n, words in enumerate(_STEPS) for word in words.split() for ending in _ENDINGS}


def names_creation(name: str) -> bool:
    return name.startswith(_CREATION)


def names_change(name: str) -> bool:
    return name.startswith(_CHANGE)


def names_deletion(name: str) -> bool:
    return name.startswith(_DELETION)


def names_step(name: str) -> bool:
    """Whether a column is the time of one of several steps, each of which needs those before it."""
    return name in STEP_ORDER


def names_future(name: str) -> bool:
    """Whether a time lies in the future when its row is created."""
    return bool(_FUTURE.search(name))


_LIKELY_CREATION = re.compile(
    r"^(ordered|placed|issued|registered|joined|added|uploaded|sent|requested|submitted|opened|shipped|hired|booked)_(at|on)$"
)
"""Names that say when a row was created, where no better name does."""


def find_earlier_column(table: TableSpec, name: str) -> str | None:
    """The column of the same row that this one must not be earlier than, or None."""
    if name == table.creation_column:
        return None
    others = [c.name for c in table.sql.columns if table.get_type(c.name).name in MOMENTS | {"date"} and c.name != name]
    if names_deletion(name):
        changed = [other for other in others if names_change(other)]
        return changed[0] if changed else table.creation_column
    if end := END_NAME.match(name):
        matching = [other for other in others if (first := START_NAME.match(other)) and first.groups() == end.groups()]
        starts = matching or [other for other in others if START_NAME.match(other)]
        if starts and not START_NAME.match(name):
            return starts[0]
    return _find_earlier_step(table, name, others) or find_creation_column(table, name)


def _find_earlier_step(table: TableSpec, name: str, others: list[str]) -> str | None:
    """The latest earlier step that every row with this one has."""
    position = STEP_ORDER.get(name)
    if position is None:
        return None
    optional = bool(table.get_column(name).nullable) and not table.value_constraints[name].not_null
    present = [o for o in others if optional or not table.get_column(o).nullable]
    steps = [o for o in present if STEP_ORDER.get(o, position) < position and not names_future(o)]
    return max(steps, key=lambda other: STEP_ORDER[other], default=None)


def find_creation_column(table: TableSpec, name: str) -> str | None:
    """The column that says when a row was created, which another column must not be earlier than."""
    return None if name == table.creation_column else table.creation_column or _find_likely_creation_column(table, name)


def _find_likely_creation_column(table: TableSpec, name: str) -> str | None:
    if _LIKELY_CREATION.match(name):
        return None
    times = [c for c in table.sql.columns if table.get_type(c.name).name in MOMENTS | {"date"}]
    return next((c.name for c in times if _LIKELY_CREATION.match(c.name) and not c.nullable), None)
