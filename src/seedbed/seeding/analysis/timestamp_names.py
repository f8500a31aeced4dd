"""What the name of a date or time column says of its values."""

import re

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
