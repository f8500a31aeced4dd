"""What a user says of a change: new names, what may go, what fills a column, and how the change is made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class RolloutStrategy(StrEnum):
    """How a change is made on tables that exist.

    `ONLINE` puts off what would keep others waiting. `GRADUAL` does so too, and keeps a renamed column under both names
    until a contract revision. `PLAIN` is for tables that nobody uses yet: one transaction, whoever has to wait for it.
    """

    ONLINE = "online"
    GRADUAL = "gradual"
    PLAIN = "plain"


@dataclass(frozen=True)
class Decisions:
    """What was said on the command line, or in answer to a question; it wins over the models' hints.

    `renames` map `task.name` to `task.title`, `app.todo` to `app.task`, or `color.RED` to `color.CRIMSON`.
    """

    renames: Mapping[str, str] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()
    backfills: Mapping[str, str] = field(default_factory=dict)
    strategy: RolloutStrategy = RolloutStrategy.ONLINE
