"""Which time of a row comes before another, as their names tell."""

import re
from typing import TYPE_CHECKING

from seedbed.seeding.core.column_types import MOMENTS
from seedbed.seeding.generators.column_generator import Wish

if TYPE_CHECKING:
    from seedbed.seeding.planning.table_plan import TablePlan

_MADE, _CHANGED, _GONE = ("created", "inserted"), ("updated", "modified", "changed"), ("deleted", "removed", "archived")
FIRST = re.compile(
    r"^(?:(.*_)?(?:start|starts|started|begin|begins|began|opens|opened|from|check_in|checkin|departs|departed|departure)"
    r"(_.*)?)$"
)
LAST = re.compile(
    r"^(?:(.*_)?(?:end|ends|ended|finish|finishes|finished|closes|closed|to|until|till|check_out|checkout|arrives|arrived"
    r"|arrival|returns|returned)(_.*)?)$"
)
_LATER = re.compile(r"expect|expire|expiry|expires|due|renew|deadline|next_|scheduled|valid_to|valid_until")
_STEPS = (
    "ordered placed requested submitted triggered occurred borrowed enrolled hired hire installed issued booked joined",
    "acknowledged authorized approved confirmed paid accepted posted due",
    "shipped dispatched departed settled processed",
    "delivered arrived received resolved completed returned graduated terminated decommissioned left last_seen",
    "refunded reversed",
)
"""What happens to a thing in this order, by the names of the times when it did."""
_ENDINGS = ("_at", "_on", "_date")
_STEP = {f"{word}{ending}": n for n, words in enumerate(_STEPS) for word in words.split() for ending in _ENDINGS}
_WEAKLY_MADE = re.compile(
    r"^(ordered|placed|issued|registered|joined|added|uploaded|sent|requested|submitted|opened|shipped|hired|booked)_(at|on)$"
)
"""What tells when a row was made, where nothing tells it better."""


def is_when_made(name: str) -> bool:
    return name.startswith(_MADE)


def is_when_changed(name: str) -> bool:
    return name.startswith(_CHANGED)


def is_when_gone(name: str) -> bool:
    return name.startswith(_GONE)


def is_step(name: str) -> bool:
    """Whether a time tells of one of several steps, none of which is without those before it."""
    return name in _STEP


def earlier(wish: Wish) -> str | None:
    """The column of the same row that this one must not be earlier than."""
    table, name = wish.table, wish.name
    if name == table.made_at:
        return None
    others = [c.name for c in table.sql.columns if table.kind(c.name).name in MOMENTS | {"date"} and c.name != name]
    if is_when_gone(name):
        changed = [other for other in others if is_when_changed(other)]
        return changed[0] if changed else table.made_at
    if found := LAST.match(name):
        same = [other for other in others if (first := FIRST.match(other)) and first.groups() == found.groups()]
        starts = same or [other for other in others if FIRST.match(other)]
        if starts and not FIRST.match(name):
            return starts[0]
    return _step_before(table, name, others) or says_when_made(table, name)


def _step_before(table: "TablePlan", name: str, others: list[str]) -> str | None:
    """The last of the times that tell of an earlier step, and that are there in each row that this one is in."""
    at = _STEP.get(name)
    if at is None:
        return None
    optional = bool(table.column(name).nullable) and not table.facts[name].not_null
    there = [o for o in others if optional or not table.column(o).nullable]
    steps = [o for o in there if _STEP.get(o, at) < at and not is_planned(o)]
    return max(steps, key=lambda other: _STEP[other], default=None)


def says_when_made(table: "TablePlan", name: str) -> str | None:
    """The column that says when a row was made, for another one, which follows it."""
    return None if name == table.made_at else table.made_at or _weakly_made(table, name)


def is_planned(name: str) -> bool:
    """Whether a time is to come when its row is made."""
    return bool(_LATER.search(name))


def _weakly_made(table: "TablePlan", name: str) -> str | None:
    if _WEAKLY_MADE.match(name):
        return None
    times = [c for c in table.sql.columns if table.kind(c.name).name in MOMENTS | {"date"}]
    return next((c.name for c in times if _WEAKLY_MADE.match(c.name) and not c.nullable), None)


def column_that_says(table: "TablePlan") -> str | None:
    """The column that says when a row was made."""
    names = [c.name for c in table.sql.columns if is_when_made(c.name) and table.kind(c.name).name in MOMENTS]
    return names[0] if names else None
