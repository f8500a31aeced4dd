"""`seedbed schema`: show the tables, or draw them as a diagram."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from seedbed.cli.options import columns, json_option, show

if TYPE_CHECKING:
    from seedbed.schema.description import ColumnDescription


@click.group("schema")
def schema() -> None:
    """Show the tables, or draw them as a diagram. Makes no connection."""


@schema.command("show", short_help="List the tables, or one of them, with their columns.")
@click.argument("table", metavar="[TABLE]", required=False)
@json_option
@click.pass_context
def show_tables(ctx: click.Context, table: str | None, as_json: bool) -> None:
    """List the tables, or TABLE, with columns, types, keys and constraints."""
    from seedbed.schema import load_schema
    from seedbed.schema.description import describe_tables
    from seedbed.settings import find_project

    found = describe_tables(load_schema(find_project(ctx.find_root().obj)))
    chosen = [one for one in found if table in {None, one.name, one.model}]
    if not chosen:
        raise click.BadParameter(f"there is no table {table}; there are {', '.join(one.name for one in found)}")
    lines = []
    for one in chosen:
        lines.append(one.name)
        rows = [(c.name, c.type, "" if c.nullable else "not null", _rest(c)) for c in one.columns]
        lines += columns(rows, indent="  ")
        lines += [f"  {rule}" for rule in one.constraints]
    facts = [{**vars(one), "columns": [vars(column) for column in one.columns]} for one in chosen]
    show(facts, as_json=as_json, lines=lines)


def _rest(column: "ColumnDescription") -> str:
    words = ["key" if column.primary_key else "", "unique" if column.unique else ""]
    words += [
        f"-> {column.references}" if column.references else "",
        f"default {column.default}" if column.default else "",
    ]
    return " ".join(word for word in words if word)


@schema.command("diagram", short_help="Draw the tables as Mermaid or SVG.")
@click.option(
    "--format", "form", type=click.Choice(["mermaid", "svg"]), help="Default: from the suffix of --output, or mermaid."
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file instead of standard output.",
)
@click.option("--check", is_flag=True, help="Write nothing; end with 1 if the file is out of date.")
@click.pass_context
def diagram(ctx: click.Context, form: str | None, output: Path | None, check: bool) -> None:
    """Draw the tables and their foreign keys, as Mermaid text or SVG.

    Output is deterministic, so you can keep the file in git, and check it in CI with --check.

    Example: seedbed schema diagram --output docs/schema.svg
    """
    from seedbed.schema import load_schema
    from seedbed.schema.description import describe_tables, draw_mermaid, draw_svg
    from seedbed.settings import find_project
    from seedbed.settings.atomic_files import write_atomically

    if check and output is None:
        raise click.UsageError("--check needs --output")
    found = describe_tables(load_schema(find_project(ctx.find_root().obj)))
    chosen = form or ("svg" if output is not None and output.suffix == ".svg" else "mermaid")
    drawn = draw_svg(found) if chosen == "svg" else draw_mermaid(found)
    if output is None:
        click.echo(drawn, nl=False)
    elif check:
        current = output.is_file() and output.read_text(encoding="utf-8") == drawn
        said = "current" if current else "not what the schema says; without --check it is drawn again"
        click.echo(f"{output} is {said}.")
        ctx.exit(0 if current else 1)
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(output, drawn)
        click.echo(f"{output}: {'1 table' if len(found) == 1 else f'{len(found)} tables'}")
