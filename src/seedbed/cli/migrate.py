"""`seedbed migrate`: revisions drafted, planned, applied and checked."""

from typing import TYPE_CHECKING

import click

from seedbed.cli.options import columns, configuration, env_option, json_option, show, step

if TYPE_CHECKING:
    from seedbed.migrating.history import Revision


@click.group()
def migrate() -> None:
    """Draft, plan, apply and check migrations.

    They are ordinary Alembic revisions in migrations/versions, and plain `alembic upgrade head` applies them as well.
    """


@migrate.command()
@click.option("-m", "--message", required=True, help="What the revision does, in a few words.")
@click.option("--empty", is_flag=True, help="Write an empty revision, to be filled by hand; it is not proven.")
@env_option
@json_option
@click.pass_context
def draft(ctx: click.Context, message: str, empty: bool, env: str | None, as_json: bool) -> None:
    """Write the revision that makes the database like the models, once it is proven.

    The environment's database is not touched: the migrations are replayed on a throw-away one and compared with the
    models there. The new revision is run up, down and up again, and must leave nothing to draft; otherwise its file is
    not kept.
    """
    with step("Drafting"):
        from seedbed.migrating.drafting import draft as write_draft

        drafted = write_draft(configuration(ctx, env), message, empty=empty)
    if drafted is None:
        show(None, as_json=as_json, lines=["The migrations make what the models say; nothing to draft."])
        return
    proof = [f"proven: {', '.join(drafted.proof)}"] if drafted.proof else ["empty, and so not proven"]
    show(drafted, as_json=as_json, lines=[str(drafted.file), *(f"  {line}" for line in (*drafted.operations, *proof))])


@migrate.command()
@click.option("--sql", is_flag=True, help="Print the SQL as well, as Alembic renders it without a server.")
@env_option
@json_option
@click.pass_context
def plan(ctx: click.Context, sql: bool, env: str | None, as_json: bool) -> None:
    """List the revisions the database still needs. Ends with 1 when there are any."""
    from seedbed.migrating.planning import pending_sql
    from seedbed.migrating.planning import plan as make_plan
    from seedbed.postgres.databases import locate

    chosen = configuration(ctx, env)
    made = make_plan(chosen.project, locate(chosen))
    lines = _listed(made.pending) or [f"{made.database} is at {made.revision or 'no revision'}, the newest."]
    show(made, as_json=as_json, lines=[*lines, *([pending_sql(chosen.project, made)] if sql else [])])
    ctx.exit(1 if made.pending else 0)


@migrate.command()
@env_option
@json_option
@click.pass_context
def apply(ctx: click.Context, env: str | None, as_json: bool) -> None:
    """Bring the database to the newest revision.

    Each revision is a transaction of its own. One session at a time migrates a database; a second one waits. A database
    that is marked for another environment is refused.
    """
    with step("Migrating"):
        from seedbed.migrating.applying import apply as apply_pending
        from seedbed.postgres.databases import locate

        chosen = configuration(ctx, env)
        applied = apply_pending(chosen.project, locate(chosen))
    lines = _listed(applied.revisions) or [f"{applied.database} is at {applied.head or 'no revision'} already."]
    show(applied, as_json=as_json, lines=lines)


@migrate.command()
@env_option
@json_option
@click.pass_context
def status(ctx: click.Context, env: str | None, as_json: bool) -> None:
    """Say where the database is and where the files are."""
    from seedbed.migrating.planning import plan as make_plan
    from seedbed.postgres.databases import locate

    chosen = configuration(ctx, env)
    made = make_plan(chosen.project, locate(chosen))
    rows = [
        ("database", made.database),
        ("environment", made.environment),
        ("mark", made.mark or "none"),
        ("revision", made.revision or "none"),
        ("newest", made.head or "none"),
        ("pending", str(len(made.pending))),
    ]
    show(made, as_json=as_json, lines=columns(rows))


@migrate.command()
@env_option
@json_option
@click.pass_context
def check(ctx: click.Context, env: str | None, as_json: bool) -> None:
    """See that the migrations have one head, make what the models say, and run down and up again.

    Everything happens on a throw-away database. Ends with 1 and says what is wrong when something is.
    """
    with step("Checking"):
        from seedbed.migrating.checking import check as check_history

        checked = check_history(configuration(ctx, env))
    show(checked, as_json=as_json, lines=[f"{checked.revisions} revisions: {', '.join(checked.facts)}."])


def _listed(revisions: "tuple[Revision, ...]") -> list[str]:
    return columns([(revision.id, revision.message) for revision in revisions])
