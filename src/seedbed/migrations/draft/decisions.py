"""What a user decides about a change: renames, drops, backfills, and how it is rolled out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class RolloutStrategy(StrEnum):
    """How a change is made on existing tables.

    `ONLINE` defers what would block others. `GRADUAL` also keeps renamed columns under both names until a contract
    revision. `PLAIN` is for tables that nobody uses yet: one transaction, whoever has to wait for it.
    """

    ONLINE = "online"
    GRADUAL = "gradual"
    PLAIN = "plain"


@dataclass(frozen=True)
class Decisions:
    """Decisions from the command line or from answers to questions; they override the models' hints.

    `renames` map `task.name` to `task.title`, `app.todo` to `app.task`, or `color.RED` to `color.CRIMSON`.
    """

    renames: Mapping[str, str] = field(default_factory=dict)
    dropped: frozenset[str] = frozenset()
    backfills: Mapping[str, str] = field(default_factory=dict)
    strategy: RolloutStrategy = RolloutStrategy.ONLINE
