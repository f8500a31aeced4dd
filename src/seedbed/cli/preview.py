"""`seedbed preview`: a database per pull request."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from seedbed.cli.durations import DURATION, length
from seedbed.cli.options import columns, configuration, env_option, exception_options, json_option, show, step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedbed.previews.base_branch import PreviewBase
    from seedbed.previews.garbage_collection import CollectedBranch
    from seedbed.previews.preview import Preview
    from seedbed.previews.preview_data import PreviewData
    from seedbed.seeding.masking import Exceptions

_ROWS = {
    "copied": "copied from {}",
    "kept": "kept as they were",
    "masked": "copied from {}, personal data replaced",
    "seeded": "made by seeds/preview.py",
    "none": "none, and there is no seeds/preview.py to make them",
}


@click.group("preview")
def preview() -> None:
    """Bring a preview's database up, and take it down.

    A preview is a branch marked preview, with the migrations and the rows that a pull request needs. All commands can
    be run again and again, by hand or by CI.
    """


def data_option(command: Any) -> Any:
    return click.option(
        "--data",
        type=click.Choice(["auto", "seed", "copy", "masked"]),
        default="auto",
        show_default=True,
        help="Rows made by seeds/preview.py, copied, or masked: copied with personal data replaced.",
    )(command)


def force_option(command: Any) -> Any:
    return click.option("--force", is_flag=True, help="End sessions that are idle on the database that is copied.")(
        command
    )


@preview.command("up")
@click.argument("name", metavar="NAME")
@click.option("--from", "parent", metavar="NAME", help="The branch to copy, instead of the base or the database.")
@data_option
@exception_options
@click.option(
    "--lasting", type=DURATION, default="14d", show_default=True, help="How long it lives from now, or never."
)
@force_option
@click.option("--yes", metavar="NAME", help="With --data copy, the production database whose rows are copied as is.")
@click.option(
    "--output", type=click.Choice(["github", "dotenv"]), help="Give the URLs to GitHub's steps, or print them."
)
@click.option("--show-password", is_flag=True, help="Print the URL with its password, for a program that connects.")
@env_option
@json_option
@click.pass_context
def up(
    ctx: click.Context,
    name: str,
    *,
    parent: str | None,
    data: str,
    keep: tuple[str, ...],
    empty: tuple[str, ...],
    lasting: timedelta | str,
    force: bool,
    yes: str | None,
    output: str | None,
    show_password: bool,
    env: str | None,
    as_json: bool,
) -> None:
    """Make the preview, or bring it up to date.

    A new one is a copy of the base (seedbed preview base), where there is one, else of the environment's database,
    development unless -e says otherwise. Where that has no rows, seeds/preview.py is loaded. One that is there is
    migrated, keeps its rows and lives as long again. When a migration or the seeds fail, the command says why, and a
    preview that it had just made is deleted again. The same happens when the migrated schema is not that of the models.

    Until all is done the database is marked preparing, and its address is given to nobody.
    """
    from seedbed.cli.ci_output import dotenv_lines, see_github, to_github
    from seedbed.previews.preview import create_or_update as bring_up
    from seedbed.previews.preview_data import DataMode

    chosen = configuration(ctx, env)
    if output == "github":
        see_github()
    with step("Bringing the preview up"):
        brought = bring_up(
            chosen,
            name,
            parent=parent,
            data=DataMode(data),
            lifetime=length(lasting),
            force=force,
            allow_production=_named(chosen, yes),
            report=lambda line: click.echo(line, err=True),
            exceptions=_exceptions(chosen, data, keep, empty),
        )
    if output == "dotenv":
        for line in dotenv_lines(brought.url, brought.direct_url):
            click.echo(line)
        return
    direct, url = (one.reveal() if show_password else one.masked for one in (brought.direct_url, brought.url))
    lines = _table(brought, url, direct)
    if output == "github":
        facts = {
            "name": brought.branch.name,
            "created": str(brought.created).lower(),
            "revision": brought.data.migration.revision or "",
            "database_url": brought.url.reveal(),
            "database_url_unpooled": brought.direct_url.reveal(),
        }
        summary = [
            "### Preview database",
            "",
            "```",
            *_table(brought, brought.url.masked, brought.direct_url.masked),
            "```",
        ]
        to_github(facts, [brought.url, brought.direct_url], summary)
    facts_ = {
        "branch": brought.branch,
        "created": brought.created,
        "applied": brought.data.migration.applied,
        "revision": brought.data.migration.revision,
        "losses": brought.data.losses,
        "rows": _rows(brought),
        "seeded": brought.data.seed_result,
        "compared": brought.data.schema_comparison is not None,
        "extra": brought.data.schema_comparison.extra if brought.data.schema_comparison else (),
        "url": url,
        "direct": direct,
    }
    show(facts_, as_json=as_json, lines=lines)


@preview.command("down")
@click.argument("name", metavar="NAME")
@env_option
@json_option
@click.pass_context
def down(ctx: click.Context, name: str, env: str | None, as_json: bool) -> None:
    """Delete the preview, if there is one.

    Sessions on it are ended. There is no question, since a preview is only a copy: the base of previews, and a branch
    that is no preview, are refused.
    """
    from seedbed.previews.preview import delete as take_down

    deleted = take_down(configuration(ctx, env), name)
    said = f"{name} is deleted." if deleted else f"There is no preview {name}."
    show({"name": name, "deleted": deleted}, as_json=as_json, lines=[said])


@preview.command("base")
@data_option
@exception_options
@force_option
@env_option
@json_option
@click.pass_context
def base(
    ctx: click.Context,
    data: str,
    keep: tuple[str, ...],
    empty: tuple[str, ...],
    force: bool,
    env: str | None,
    as_json: bool,
) -> None:
    """Make the base that previews are copied from, or make it anew.

    It is a copy of the environment's database, migrated, with rows that may be shown, and sealed: nobody can connect to
    it, so it can be copied at any time. From production its rows are masked (--data masked) or made (--data seed).

    Masking refuses tables and columns that the models do not describe, until each is named with --keep or --empty, or
    in [tool.seedbed.masking] of pyproject.toml.
    """
    from seedbed.previews.base_branch import create_base
    from seedbed.previews.preview_data import DataMode

    with step("Making the base"):
        chosen = configuration(ctx, env)
        exceptions = _exceptions(chosen, data, keep, empty)
        made = create_base(chosen, DataMode(data), force=force, exceptions=exceptions)
    show(made, as_json=as_json, lines=columns(_base_table(made)))


@preview.command("gc", short_help="List the previews that nobody needs any more.")
@click.option("--older-than", type=DURATION, help="Previews made longer ago than this go, such as 30d.")
@click.option("--closed", type=click.File(), help="Pull requests that are closed, one a line; - is standard input.")
@click.option("--open", "open_", type=click.File(), help="All that are open: previews of any other go.")
@click.option("--delete", is_flag=True, help="Delete them; without it they are only listed.")
@env_option
@json_option
@click.pass_context
def gc(
    ctx: click.Context,
    older_than: timedelta | str | None,
    closed: Any,
    open_: Any,
    delete: bool,
    env: str | None,
    as_json: bool,
) -> None:
    """List the previews that nobody needs any more, and with --delete delete them.

    Those that were half made an hour ago, those that the options name, and every branch whose end is past, which Neon
    deletes by itself. Only what this project made goes, and never the base, children before parents; each is looked at
    once more before. An empty list of pull requests is refused. Ends with 1 when something could not be deleted.
    """
    from seedbed.previews.garbage_collection import CollectionRules, collect_branches, parse_pull_requests

    rules = CollectionRules(
        older_than=length(older_than),
        closed_pull_requests=parse_pull_requests(closed, closed.name) if closed is not None else None,
        open_pull_requests=parse_pull_requests(open_, open_.name) if open_ is not None else None,
    )
    found = collect_branches(configuration(ctx, env), rules, delete=delete)
    show(found, as_json=as_json, lines=_collected(found, delete=delete) or ["There is nothing to delete."])
    ctx.exit(1 if delete and any(one.error for one in found) else 0)


def _named(chosen: Any, yes: str | None) -> bool:
    """Whether the user has named the database whose rows are to be copied as they are.

    Raises:
        MissingConfirmation: another name.
    """
    if yes is None:
        return False
    from seedbed.cli.options import confirm
    from seedbed.postgres.database import resolve_database

    confirm(resolve_database(chosen).name, yes, action="copied as it is")
    return True


def _exceptions(chosen: Any, data: str, keep: tuple[str, ...], empty: tuple[str, ...]) -> "Exceptions":
    from seedbed.seeding.masking import Exceptions

    if (keep or empty) and data != "masked":
        raise click.UsageError("--keep and --empty go with --data masked")
    return Exceptions.of(chosen.project, keep, empty)


def _rows(brought: "Preview") -> str:
    kept = not brought.created and brought.data.row_source == "copied"
    return "kept" if kept else brought.data.row_source.value


def _counts(filled: "PreviewData") -> list[str]:
    return [f"{count:>9,} {table}" for table, count in filled.seed_result.rows.items()] if filled.seed_result else []


def _collected(found: "Sequence[CollectedBranch]", *, delete: bool) -> list[str]:
    said = "deleted" if delete else "would go"
    return columns(
        [(one.branch.name, f"kept: {one.error}" if one.error else said, one.reason) for one in found]
    )


def _base_table(made: "PreviewBase") -> list[tuple[str, str]]:
    if made.data is None:
        return [("base", f"{made.branch.name}, made by another call at the same moment")]
    return [
        ("base", f"{made.branch.name}, {'new' if made.created else 'made anew'} from {made.branch.parent}"),
        ("revision", made.data.migration.revision or "none"),
        ("rows", _ROWS[made.data.row_source].format(made.branch.parent)),
        *(("", line) for line in _counts(made.data)),
    ]


def _schema_lines(brought: "Preview") -> list[tuple[str, str]]:
    if brought.data.schema_comparison is None:
        return [("schema", "not compared with the models: no PostgreSQL here, and no SHADOW_DATABASE_URL")]
    extra = brought.data.schema_comparison.extra
    more = f"; and {len(extra) - 5} more" if extra[5:] else ""
    return [
        ("schema", "matches the models"),
        *((("", f"also in the database: {'; '.join(extra[:5])}{more}"),) if extra else ()),
    ]


def _table(brought: "Preview", url: str, direct: str) -> list[str]:
    made = "a new copy" if brought.created else "was there already, a copy"
    applied = ", ".join(f"{revision.id} {revision.message}" for revision in brought.data.migration.applied)
    ends = brought.branch.expires_at
    lines = [
        ("preview", f"{brought.branch.name}, {made} of {brought.branch.parent}"),
        ("applied", applied or f"nothing new; at {brought.data.migration.revision or 'no revision'}"),
        ("rows", _ROWS[_rows(brought)].format(brought.branch.parent)),
        *(("", row) for row in _counts(brought.data)),
        *_schema_lines(brought),
        ("until", f"{ends.astimezone():%Y-%m-%d %H:%M}" if ends else "it is taken down"),
        ("url", url),
        *((("direct", direct),) if direct != url else ()),
    ]
    return columns(lines)
