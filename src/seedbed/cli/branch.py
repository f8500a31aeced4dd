"""`seedbed branch`: copies of the environment's database, each with a name."""

import shlex
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from seedbed.cli.durations import DURATION, length
from seedbed.cli.options import columns, configuration, confirm, env_option, json_option, step
from seedbed.cli.options import show as show_result

if TYPE_CHECKING:
    from seedbed.branching import Branch
    from seedbed.postgres.catalog import Difference
    from seedbed.previews.branch_diff import BranchDiff


@click.group("branch")
def branch() -> None:
    """Copy the database under a name, and delete the copy again.

    A branch is a whole database, with rows, grants and settings as its parent had them at that moment, and nothing
    done to one reaches the other. It is a copy of the environment's database, development unless -e says otherwise,
    and is kept where that is: on the embedded server, or on Neon.

    Names are free: pr-42, feature/search, preview/pr-42.
    """


@branch.command("create")
@click.argument("name", metavar="NAME")
@click.option("--from", "parent", metavar="NAME", help="The branch to copy, instead of the environment's database.")
@click.option(
    "--lasting",
    type=DURATION,
    default="never",
    show_default=True,
    help="When it ends, such as 7d: Neon deletes it then, and here `seedbed preview gc` does.",
)
@click.option("--force", is_flag=True, help="End sessions that are idle on the database that is copied.")
@env_option
@json_option
@click.pass_context
def create(
    ctx: click.Context,
    name: str,
    parent: str | None,
    lasting: timedelta | str,
    force: bool,
    env: str | None,
    as_json: bool,
) -> None:
    """Copy the environment's database, or a branch.

    PostgreSQL copies no database that somebody is connected to. The command says who is; --force ends those that are
    idle, such as a service's pool, and nobody who is at work or in a transaction.
    """
    with step("Copying"):
        from seedbed.branching import provider_of
        from seedbed.branching.lifecycle import make

        provider = provider_of(configuration(ctx, env))
        made = make(provider, name, parent=parent, lasting=length(lasting), force=force)
    said = f"{made.name} is a copy of {made.parent}, marked {made.mark}. "
    said += f"Its address: seedbed branch url {shlex.quote(made.name)}"
    show_result(made, as_json=as_json, lines=[said])


@branch.command("list", short_help="List the branches, and when each ends.")
@env_option
@json_option
@click.pass_context
def list_(ctx: click.Context, env: str | None, as_json: bool) -> None:
    """List the branches: name, mark, parent, when each was made, and when it ends."""
    from seedbed.branching import provider_of

    found = provider_of(configuration(ctx, env)).list()
    rows = [(b.name, b.mark, f"from {b.parent}", _written(b.created_at), _until(b)) for b in found]
    show_result(found, as_json=as_json, lines=columns(rows) or ["There are no branches."])


@branch.command("show")
@click.argument("name", metavar="NAME")
@env_option
@json_option
@click.pass_context
def show(ctx: click.Context, name: str, env: str | None, as_json: bool) -> None:
    """Say all that is known of a branch."""
    from seedbed.branching import provider_of

    found = provider_of(configuration(ctx, env)).get(name)
    rows = [
        ("branch", found.name),
        ("parent", found.parent),
        ("environment", found.environment.value),
        ("mark", found.mark),
        ("sealed", "yes, it is there to be copied" if found.sealed else "no"),
        ("made", _written(found.created_at)),
        ("until", _written(found.expires_at) if found.expires_at else "it is deleted"),
    ]
    show_result(found, as_json=as_json, lines=columns(rows))


@branch.command("diff")
@click.argument("name", metavar="NAME")
@click.option("--with", "other", metavar="NAME", help="Another branch, instead of its parent.")
@env_option
@json_option
@click.pass_context
def diff(ctx: click.Context, name: str, other: str | None, env: str | None, as_json: bool) -> None:
    """Say how a branch differs from its parent. Ends with 1 when it does.

    Revisions and catalogs are compared, so what is said is what PostgreSQL knows: tables, columns, constraints,
    indexes, functions, policies, grants. Rows are not compared.
    """
    with step("Comparing"):
        from seedbed.previews.branch_diff import compare_branches as compare

        found = compare(configuration(ctx, env), name, other)
    lines = [
        f"{found.branch} is at {found.revision or 'no revision'}, {found.compared_with} at {found.compared_with_revision or 'none'}."
    ]
    lines += [f"  {_beside(found, difference)}" for difference in found.differences] or ["Nothing else differs."]
    show_result(found, as_json=as_json, lines=lines)
    ctx.exit(0 if found.is_equal else 1)


@branch.command("reset")
@click.argument("name", metavar="NAME")
@click.option("--force", is_flag=True, help="End sessions that are idle on its parent.")
@click.option("--yes", metavar="NAME", help="Confirm with the branch's name instead of typing it.")
@env_option
@json_option
@click.pass_context
def reset(ctx: click.Context, name: str, force: bool, yes: str | None, env: str | None, as_json: bool) -> None:
    """Make a branch anew from its parent as that is now.

    What is in it is lost, and sessions on it are ended; it stays as it was until the new copy is there.
    """
    from seedbed.branching import provider_of

    provider = provider_of(configuration(ctx, env))
    sealed = provider.get(name).sealed
    confirm(name, yes, action="reset")
    with step("Copying"):
        provider.reset(name, force=force)
        anew = provider.finish(name, sealed=sealed)
    show_result(anew, as_json=as_json, lines=[f"{name} is a copy of {anew.parent} as it is now."])


@branch.command("url")
@click.argument("name", metavar="NAME")
@click.option("--show-password", is_flag=True, help="Print the password too, for a program that connects.")
@env_option
@click.pass_context
def url(ctx: click.Context, name: str, show_password: bool, env: str | None) -> None:
    """Print a branch's URL, its password masked unless asked for.

    One command on a branch of development: DATABASE_URL=$(seedbed branch url NAME --show-password) seedbed up
    """
    from seedbed.branching import provider_of

    address = provider_of(configuration(ctx, env)).url(name)
    click.echo(address.reveal() if show_password else address.masked)


@branch.command("delete")
@click.argument("name", metavar="NAME")
@click.option("--yes", metavar="NAME", help="Confirm with the branch's name instead of typing it.")
@env_option
@json_option
@click.pass_context
def delete(ctx: click.Context, name: str, yes: str | None, env: str | None, as_json: bool) -> None:
    """Delete a branch with all that is in it.

    Sessions on it are ended. Only what `branch create` or `preview up` made for this project can be deleted, and never
    an environment's own database.
    """
    from seedbed.branching import provider_of

    provider = provider_of(configuration(ctx, env))
    provider.get(name)
    confirm(name, yes, action="deleted")
    provider.delete(name)
    show_result({"name": name, "deleted": True}, as_json=as_json, lines=[f"{name} is deleted."])


def _beside(found: "BranchDiff", difference: "Difference") -> str:
    if difference.attribute:
        facts = f"{difference.attribute} is {difference.found}, and {difference.expected} in {found.compared_with}"
        return f"{difference.object}: {facts}"
    return f"only in {found.compared_with if difference.found == 'missing' else found.branch}: {difference.object}"


def _written(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def _until(branch: "Branch") -> str:
    if branch.expires_at is None:
        return ""
    past = branch.expires_at <= datetime.now(UTC)
    return f"{'ended' if past else 'until'} {_written(branch.expires_at)}"
