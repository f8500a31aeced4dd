"""Guard a production database against plain `alembic upgrade` and `alembic downgrade`."""

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
    """Check that a plain Alembic command on production is confirmed, as `seedbed migrate apply` does.

    The revisions run on a temporary database first. Destructive hazards must be allowed, by a note in the revision or
    by `-x allow=RULE`, with several rules separated by commas. A downgrade is always destructive, and needs no `allow`.
    The database must be named with `-x yes=NAME`. Other Alembic commands pass, and so does a command that changes
    nothing.

    Raises:
        HazardsNotAllowed, ProductionNotConfirmed: with what the revisions would do.
        RevisionFailure: a revision fails on a database without rows.
        NoShadowServer, DatabaseUnreachable: no server for temporary databases is available.
    """
    alembic_command: tuple[Any, ...] = getattr(context.config.cmd_opts, "cmd", (None,))
    if alembic_command[0] not in {command.upgrade, command.downgrade}:
        return
    is_upgrade = alembic_command[0] is command.upgrade
    plan = plan_upgrade(configuration.project, database)
    revisions = _find_revisions(read_history(configuration.project), plan.revision, is_upgrade=is_upgrade)
    if not revisions:
        return
    with nest_alembic():
        if is_upgrade:
            assessments = assess_upgrade(configuration, database, replace(plan, pending=revisions))
        else:
            assessments = assess_downgrade(configuration, database, plan.revision, revisions)
    arguments = context.get_x_argument(as_dictionary=True)
    if is_upgrade:
        refuse_unallowed_hazards(
            database.name, assessments, [rule.strip() for rule in str(arguments.get("allow", "")).split(",")]
        )
    if arguments.get("yes") != database.name:
        verb = "upgrade" if is_upgrade else "downgrade"
        hazards = [hazard.sentence for assessment in assessments for hazard in assessment.hazards]
        raise ProductionNotConfirmed(database.name, verb, [revision.id for revision in revisions], hazards)


def _find_revisions(history: History, current: str | None, *, is_upgrade: bool) -> tuple[Revision, ...]:
    """Return the revisions in the order in which Alembic will run them. Alembic resolves targets such as `+1` and
    `base`.
    """
    script, target = context.script, context.config.cmd_opts.revision  # type: ignore[union-attr]
    find_steps: Any = script._upgrade_revs if is_upgrade else script._downgrade_revs  # noqa: SLF001
    by_id = {revision.id: revision for revision in history.revisions}
    return tuple(
        by_id[step.revision.revision]
        for step in find_steps(target, split_heads(current) if current is not None else current)
    )
