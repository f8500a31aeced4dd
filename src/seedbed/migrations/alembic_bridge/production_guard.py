"""Plain `alembic upgrade` and `downgrade`, kept from production until somebody has said what is meant."""

from dataclasses import replace
from typing import Any

from alembic import command, context

from seedbed.errors import ProductionNotConfirmed
from seedbed.migrations.alembic_bridge.nested import nest_alembic
from seedbed.migrations.apply.plan import plan_upgrade
from seedbed.migrations.hazards.assessment import assess_downgrade, assess_upgrade, refuse_unallowed_hazards
from seedbed.migrations.history.revisions import History, Revision, read_history, split_heads
from seedbed.postgres.database import Database
from seedbed.settings import Configuration


def guard_production(configuration: Configuration, database: Database) -> None:
    """See that what plain Alembic was asked to do to production is meant, as `seedbed migrate apply` does.

    The revisions run on a throw-away database. What they destroy has to be allowed, by a note in the revision or by
    `-x allow=RULE`, more of them with commas between; a downgrade always destroys, and is not asked for that. The
    database's name has to be given, `-x yes=NAME`. Other commands of Alembic's pass, and what changes nothing.

    Raises:
        HazardsNotAllowed, ProductionNotConfirmed: naming what the revisions would do.
        RevisionFailure: one does not run on a database without rows.
        NoShadowServer, DatabaseUnreachable: there is no server for throw-away databases.
    """
    chosen: tuple[Any, ...] = getattr(context.config.cmd_opts, "cmd", (None,))
    if chosen[0] not in {command.upgrade, command.downgrade}:
        return
    goes_up = chosen[0] is command.upgrade
    made = plan_upgrade(configuration.project, database)
    steps = _steps(read_history(configuration.project), made.revision, goes_up=goes_up)
    if not steps:
        return
    with nest_alembic():
        if goes_up:
            found = assess_upgrade(configuration, database, replace(made, pending=steps))
        else:
            found = assess_downgrade(configuration, database, made.revision, steps)
    given = context.get_x_argument(as_dictionary=True)
    if goes_up:
        refuse_unallowed_hazards(database.name, found, [rule.strip() for rule in str(given.get("allow", "")).split(",")])
    if given.get("yes") != database.name:
        verb = "upgrade" if goes_up else "downgrade"
        dangers = [hazard.sentence for one in found for hazard in one.hazards]
        raise ProductionNotConfirmed(database.name, verb, [step.id for step in steps], dangers)


def _steps(history: History, at: str | None, *, goes_up: bool) -> tuple[Revision, ...]:
    """The revisions in the order in which Alembic will take them; it alone knows what `+1`, `a1b:head` or `base` is."""
    script, wanted = context.script, context.config.cmd_opts.revision  # type: ignore[union-attr]
    ways: Any = script._upgrade_revs if goes_up else script._downgrade_revs  # noqa: SLF001 - as Alembic's commands do
    known = {revision.id: revision for revision in history.revisions}
    return tuple(known[step.revision.revision] for step in ways(wanted, split_heads(at) if at is not None else at))
