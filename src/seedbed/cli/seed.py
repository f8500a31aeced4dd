"""`seedbed seed`: generate and load seed data, and mask personal data."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from seedbed.cli.options import (
    CommandGroup,
    columns,
    configuration,
    confirm,
    env_option,
    exception_options,
    is_animated,
    json_option,
    show,
    step,
    yes_option,
)

if TYPE_CHECKING:
    from seedbed.seeding.planning.seed_plan import SeedPlan
    from seedbed.settings import Configuration

_SHOWN, _WIDTH = 2, 32
_IN_PLACE, _ASIDE = 20_000_000, 50_000_000
"""Bytes a second that a server of two cores takes; docs/explanation/seeds.md says how they were measured."""

as_of_option = click.option(
    "--as-of",
    metavar="DAY",
    help="Latest timestamp to generate (default: from the lock file): today, or a date such as 2026-11-01.",
)


@click.group("seed", cls=CommandGroup, other_names={"anonymize": "seed mask", "load": "seed run", "up": "seed run"})
def seed() -> None:
    """Fill the database with generated data.

    seeds/ENVIRONMENT.py declares the rows; seeds/ENVIRONMENT.lock pins the random seed. Output is deterministic across
    machines.
    """


@seed.command("plan", short_help="Show the tables, rows and values that would be loaded.")
@as_of_option
@env_option
@json_option
@click.pass_context
def plan(ctx: click.Context, as_of: str | None, env: str | None, as_json: bool) -> None:
    """Show the tables, rows and values that would be loaded.

    Lists the tables in load order with their row counts, the generator of each column and why it was chosen, the first
    two rows, and an estimate of size and duration. Makes no connection.

    Example: seedbed seed plan
    """
    from seedbed.seeding.loading.dropped_constraints import CONSTRAINT_DROP_MIN_ROWS
    from seedbed.seeding.planning.table_plan import encode_rows, make_sample

    seed_plan = _plan_seeds(configuration(ctx, env), as_of)
    facts, lines, size = [], [], 0
    for table in seed_plan.tables:
        first = make_sample(table, _SHOWN)
        few = range(min(table.count, 100))
        size += len(encode_rows(table, few)) * table.count // max(len(few), 1)
        filled = {name: table.source(name) for name in table.generators}
        facts.append({"name": table.name, "rows": table.count, "columns": filled, "sample": first})
        lines.append(f"{table.name}  {table.count:,} rows")
        rows = [(name, source, *(_shorten(row[name]) for row in first)) for name, source in filled.items()]
        lines += columns(rows, indent="  ")
    seconds = round(size / (_ASIDE if seed_plan.rows >= CONSTRAINT_DROP_MIN_ROWS else _IN_PLACE), 1)
    lines.append(f"{seed_plan.rows:,} rows, about {size / 1e6:,.1f} MB and {seconds:,} s")
    result = {"content": seed_plan.content, "tables": facts, "bytes": size, "seconds": seconds}
    show(result, as_json=as_json, lines=[*lines, f"content {seed_plan.content}"])


@seed.command("run")
@click.option("--fresh", is_flag=True, help="Delete previously seeded rows first, then load.")
@click.option("--append", is_flag=True, help="Add only the new rows after counts were increased.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes that generate rows.")
@click.option("--dask", metavar="ADDRESS", help="Generate rows on a Dask cluster; needs the extra seedbed[dask].")
@as_of_option
@env_option
@json_option
@click.pass_context
def run(
    ctx: click.Context,
    fresh: bool,
    append: bool,
    workers: int,
    dask: str | None,
    as_of: str | None,
    env: str | None,
    as_json: bool,
) -> None:
    """Load the seeds, unless they are already loaded.

    The load is one transaction, so it is complete or has no effect. If a table has rows from elsewhere, the command
    refuses without --fresh. It always refuses a database that is marked production.

    Example: seedbed seed run --fresh
    """
    from seedbed.errors import DatabaseNotAtHead
    from seedbed.migrations.apply.plan import plan_upgrade
    from seedbed.postgres.database import resolve_database
    from seedbed.seeding.loading.load import load_seeds
    from seedbed.seeding.loading.parallel import dask_executor, process_executor
    from seedbed.seeding.planning.lock_file import write_lock

    if fresh and append:
        raise click.UsageError("--fresh and --append exclude each other")
    settings = configuration(ctx, env)
    with step("Planning"):
        seed_plan = _plan_seeds(settings, as_of)
        database = resolve_database(settings)
        migration = plan_upgrade(settings.project, database)
    if migration.pending:
        raise DatabaseNotAtHead(database.name, migration.revision, migration.head)
    with _show_progress(seed_plan) as progress, dask_executor(dask) if dask else process_executor(workers) as executor:
        seeded = load_seeds(
            seed_plan,
            database,
            revision=migration.revision,
            fresh=fresh,
            append=append,
            executor=executor,
            progress=progress,
        )
    if as_of is not None:
        write_lock(settings.project, settings.environment, seed_plan.lock)
    lines = columns([(name, f"{rows:,} rows") for name, rows in seeded.rows.items()])
    for name, reason in seeded.kept.items():
        click.echo(f"{name} was not dropped during the load: {reason}", err=True)
    for name, count in seeded.changed.items():
        more = "more" if count > seeded.rows[name] else f"{count:,}"
        click.echo(f"{name} had {seeded.rows[name]:,} rows when it was loaded, and now has {more}", err=True)
    if not seeded.loaded:
        lines = ["No rows to add." if append else "Nothing to do: these seeds are already loaded. Reload with --fresh."]
    show(seeded, as_json=as_json, lines=lines)


@seed.command("check", short_help="Check that seeds still generate the locked rows.")
@click.option("--accept", is_flag=True, help="Record the rows that the seeds generate now.")
@env_option
@json_option
@click.pass_context
def check(ctx: click.Context, accept: bool, env: str | None, as_json: bool) -> None:
    """Check that seeds still generate the locked rows, and list what changed.

    Use this in CI. Makes no connection. Ends with 1 if something changed, or if nobody has accepted the rows yet.

    Example: seedbed seed check --accept
    """
    from seedbed.errors import MissingSeedDigest, OutdatedSeedLock
    from seedbed.migrations.history.revisions import read_history
    from seedbed.seeding.planning.seed_plan import compare_with_lock as check_rows
    from seedbed.seeding.planning.seed_plan import update_lock as accept_rows

    settings = configuration(ctx, env)
    seed_plan = _plan_seeds(settings, None)
    head = read_history(settings.project).head
    if accept:
        accept_rows(seed_plan, revision=head)
    result = check_rows(_plan_seeds(settings, None) if accept else seed_plan, revision=head)
    if result.changes:
        raise OutdatedSeedLock(result.file, result.changes)
    if not result.accepted:
        raise MissingSeedDigest(result.file)
    show(result, as_json=as_json, lines=[f"{result.file} is up to date: content {result.content}"])


@seed.command("mask", short_help="Replace personal data with fake values.")
@click.option(
    "--check",
    "only_check",
    is_flag=True,
    help="List the marked columns, and those that look personal but are not marked.",
)
@exception_options
@yes_option
@env_option
@json_option
@click.pass_context
def mask(
    ctx: click.Context,
    only_check: bool,
    keep: tuple[str, ...],
    empty: tuple[str, ...],
    yes: str | None,
    env: str | None,
    as_json: bool,
) -> None:
    """Replace personal data with fake values.

    Mark a column with `{"pii": "email"}` in its info, or with Pii("email") in its Annotated type. Equal values get
    equal fake values everywhere, so joins work and unique columns stay unique. The assignment is random on each run and
    is not stored.

    Tables and columns that the models do not describe are refused, until each is named with --keep or --empty, or in
    [tool.seedbed.masking] of pyproject.toml. A name is TABLE, SCHEMA.TABLE or TABLE.COLUMN, with * for any characters.

    Tables are rewritten, so no original value remains in their files, indexes and statistics. The server's log, backups
    and Neon's history keep theirs. Production is refused: mask a copy of it, as seedbed preview base --data masked
    does. With --check nothing is changed, and the command ends with 1 if a column looks personal and is not marked.

    Example: seedbed seed mask --yes shop_copy
    """
    from seedbed.schema import load_schema
    from seedbed.schema.declarations import find_personal_columns, find_unmarked_columns

    settings = configuration(ctx, env)
    schema = load_schema(settings.project)
    if only_check:
        marked = [(f"{table.key}.{column.name}", kind) for table, column, kind in find_personal_columns(schema)]
        unmarked_columns = find_unmarked_columns(schema)
        lines = [*columns(marked), *(f"{name} looks personal and is not marked." for name in unmarked_columns)]
        show(
            {"marked": dict(marked), "unmarked": unmarked_columns},
            as_json=as_json,
            lines=lines or ["No column is marked."],
        )
        ctx.exit(1 if unmarked_columns else 0)
    from seedbed.postgres.database import resolve_database
    from seedbed.seeding.core.faker_pool import FakerCache, FakerPools
    from seedbed.seeding.masking import MaskingExceptions
    from seedbed.seeding.masking import mask as mask_database
    from seedbed.seeding.planning.lock_file import read_lock
    from seedbed.seeding.planning.seed_plan import POOL_CACHE

    database = resolve_database(settings)
    confirm(database.name, yes, action="masked")
    with step("Masking"):
        lock = read_lock(settings.project, settings.environment)
        pools = FakerPools(lock.as_of, FakerCache(settings.project.root / POOL_CACHE))
        exceptions = MaskingExceptions.from_project(settings.project, keep, empty)
        result = mask_database(
            schema, database, pools, exceptions=exceptions, version_table=settings.project.version_table
        )
    for catalog in result.unclean:
        click.echo(f"Dead rows of {catalog} may hold original values until the server vacuums it.", err=True)
    rows = [(name, f"{count:,} values") for name, count in result.columns.items()]
    rows += [(name, "emptied") for name in result.emptied] + [(name, "kept") for name in result.kept]
    show(result, as_json=as_json, lines=columns(rows))


def _plan_seeds(settings: "Configuration", as_of: str | None) -> "SeedPlan":
    from seedbed.schema import load_schema
    from seedbed.seeding.planning.seed_plan import plan as make_plan

    moment = None if as_of is None else _parse_day(as_of)
    return make_plan(settings.project, load_schema(settings.project), settings.environment, as_of=moment)


def _parse_day(text: str) -> datetime:
    from seedbed.seeding.planning.lock_file import get_today

    if text == "today":
        return get_today()
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise click.BadParameter(f"{text} is neither today nor a date", param_hint="--as-of") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


@contextmanager
def _show_progress(seed_plan: "SeedPlan") -> Iterator[Callable[[str, int], None] | None]:
    """Show a progress bar with the rate and the remaining time, on a terminal."""
    if not is_animated():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, Task, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class RateColumn(TextColumn):
        def render(self, task: Task) -> Text:
            return Text("" if task.speed is None else f"{task.speed:,.0f} rows/s")  # None until two advances are known

    layout = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:,.0f} of {task.total:,} rows"))
    with Progress(*layout, RateColumn(""), TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        tasks = {table.name: bar.add_task(table.name, total=table.count, visible=False) for table in seed_plan.tables}

        def advance(name: str, rows: int) -> None:
            bar.update(tasks[name], advance=rows, visible=True)

        yield advance


def _shorten(text: Any) -> str:
    if text is None:
        return "NULL"
    text = str(text).replace("\n", r"\n").replace("\t", r"\t")
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
