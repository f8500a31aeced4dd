"""`seedbed seed`: data made from the models."""

import click

from seedbed.cli.options import columns, configuration, env_option, json_option, show, step

_SHOWN, _WIDTH = 2, 32


@click.group()
def seed() -> None:
    """Fill the database with data made from the models.

    What is made stands in seeds/ENVIRONMENT.py, and from which seed in seeds/seeds.lock. The same two give the same
    rows, on every machine.
    """


@seed.command(short_help="Show the tables, rows and values that would be loaded.")
@env_option
@json_option
@click.pass_context
def plan(ctx: click.Context, env: str | None, as_json: bool) -> None:
    """Show what would be loaded: the tables in order, their rows, what fills each column, and the first two rows.

    Connects to nothing.
    """
    from seedbed.modelling import load_schema
    from seedbed.seeding.encoding import sample
    from seedbed.seeding.plan import plan as make_plan

    chosen = configuration(ctx, env)
    made = make_plan(chosen.project, load_schema(chosen.project), chosen.environment)
    facts, lines = [], []
    for table in made.tables:
        first = sample(table, _SHOWN)
        filled = {filling.name: filling.source for filling in table.fillings.values()}
        facts.append({"name": table.name, "rows": table.count, "columns": filled, "sample": first})
        lines.append(f"{table.name}  {table.count:,} rows")
        rows = [(name, source, *(_short(row[name]) for row in first)) for name, source in filled.items()]
        lines += columns(rows, indent="  ")
    show({"content": made.content, "tables": facts}, as_json=as_json, lines=[*lines, f"content {made.content}"])


@seed.command()
@click.option("--replace", is_flag=True, help="Delete the rows that are in the planned tables first.")
@env_option
@json_option
@click.pass_context
def run(ctx: click.Context, replace: bool, env: str | None, as_json: bool) -> None:
    """Load the seeds, unless the same rows are there already.

    The load is one transaction: it happens whole or not at all. Other rows than these seeds' are refused unless
    --replace is given, and a database marked production is refused whatever is given.
    """
    with step("Seeding"):
        from seedbed.errors import NotAtHead
        from seedbed.migrating.planning import plan as plan_migration
        from seedbed.modelling import load_schema
        from seedbed.postgres.databases import locate
        from seedbed.seeding.plan import plan as make_plan
        from seedbed.seeding.running import run as load

        chosen = configuration(ctx, env)
        made = make_plan(chosen.project, load_schema(chosen.project), chosen.environment)
        database = locate(chosen)
        migration = plan_migration(chosen.project, database)
        if migration.pending:
            raise NotAtHead(database.name, migration.revision, migration.head)
        seeded = load(made, database, revision=migration.revision, replace=replace)
    lines = columns([(name, f"{rows:,} rows") for name, rows in seeded.rows.items()])
    show(seeded, as_json=as_json, lines=lines if seeded.loaded else ["The same rows are there already."])


def _short(text: str | None) -> str:
    if text is None:
        return "NULL"
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."
