"""`seedbed preview`: a database per pull request."""

from typing import TYPE_CHECKING

import click

from seedbed.cli.options import columns, configuration, json_option, show, step

if TYPE_CHECKING:
    from seedbed.previewing.previews import Preview

_ROWS = {
    "copied": "copied from {}",
    "kept": "kept as they were",
    "seeded": "made by seeds/preview.py",
    "none": "none, and there is no seeds/preview.py to make them",
}


@click.group()
def preview() -> None:
    """Bring a preview's database up, and take it down.

    A preview is a branch marked preview, with the migrations and the rows that a pull request needs. Both commands can
    be run again and again, by hand or by CI.
    """


@preview.command()
@click.argument("name", metavar="NAME")
@click.option("--from", "parent", metavar="NAME", help="The branch to copy, instead of the development database.")
@click.option("--force", is_flag=True, help="End sessions that are idle on the database that is copied.")
@click.option("--show-password", is_flag=True, help="Print the URL with its password, for a program that connects.")
@json_option
@click.pass_context
def up(ctx: click.Context, name: str, *, parent: str | None, force: bool, show_password: bool, as_json: bool) -> None:
    """Make the preview, or bring it up to date.

    A new one is a copy of the development database, with its rows. Where that has none, seeds/preview.py is loaded. One
    that is there is migrated and keeps its rows. When a migration or the seeds fail, the command says why, and a
    preview that it had just made is deleted again.

    Until all is done the database is marked preparing, and its address is given to nobody.
    """
    with step("Bringing the preview up"):
        from seedbed.previewing.previews import up as bring_up

        brought = bring_up(configuration(ctx, "development"), name, parent=parent, force=force)
    url = brought.url.reveal() if show_password else brought.url.masked
    facts = {
        "branch": brought.branch,
        "created": brought.created,
        "applied": brought.applied.revisions,
        "revision": brought.applied.revision,
        "rows": brought.rows,
        "seeded": brought.seeded,
        "url": url,
    }
    show(facts, as_json=as_json, lines=_table(brought, url))


@preview.command()
@click.argument("name", metavar="NAME")
@json_option
@click.pass_context
def down(ctx: click.Context, name: str, as_json: bool) -> None:
    """Delete the preview, if there is one.

    Sessions on it are ended. It is not asked again, since it is but a copy: a branch that is no preview is refused.
    """
    from seedbed.previewing.previews import down as take_down

    deleted = take_down(configuration(ctx, "development"), name)
    said = f"{name} is deleted." if deleted else f"There is no preview {name}."
    show({"name": name, "deleted": deleted}, as_json=as_json, lines=[said])


def _table(brought: "Preview", url: str) -> list[str]:
    made = "a new copy" if brought.created else "was there already, a copy"
    applied = ", ".join(f"{revision.id} {revision.message}" for revision in brought.applied.revisions)
    rows = [f"{count:>9,} {table}" for table, count in brought.seeded.rows.items()] if brought.seeded else []
    lines = [
        ("preview", f"{brought.branch.name}, {made} of {brought.branch.parent}"),
        ("applied", applied or f"nothing new; at {brought.applied.revision or 'no revision'}"),
        ("rows", _ROWS[brought.rows].format(brought.branch.parent)),
        *(("", row) for row in rows),
        ("url", url),
    ]
    return columns(lines)
