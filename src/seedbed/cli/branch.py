"""`seedbed branch`: named copies of the environment's database."""

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from seedbed.cli.options import (
    DURATION,
    CommandGroup,
    columns,
    configuration,
    confirm,
    env_option,
    json_option,
    parse_lifetime,
    step,
)
from seedbed.cli.options import show as show_result

if TYPE_CHECKING:
    from seedbed.branching import Branch
    from seedbed.postgres.catalog import Difference
    from seedbed.previews.branch_diff import BranchDiff


_OTHER_NAMES = {
    **dict.fromkeys(["add", "copy", "new"], "branch create NAME"),
    **dict.fromkeys(["drop", "remove", "rm"], "branch delete NAME"),
    "ls": "branch list",
}


@click.group("branch", cls=CommandGroup, other_names=_OTHER_NAMES)
def branch() -> None:
    """Create, list and delete named copies (branches) of a database.

    A branch is a complete database, with the rows, grants and settings of its parent at that moment. Changes to one do
    not affect the other. It is a copy of the environment's database, on the same server: the embedded one, or Neon.

    Choose any name: pr-42, feature/search, preview/pr-42.
    """


@branch.command("create")
@click.argument("name", metavar="NAME")
@click.option("--from", "parent", metavar="NAME", help="The branch to copy, instead of the environment's database.")
@click.option(
    "--lasting",
    type=DURATION,
    default="never",
    show_default=True,
    help="Expiry, such as 7d. Neon deletes it then; elsewhere `seedbed preview gc` does.",
)
@click.option("--force", is_flag=True, help="End idle sessions on the database that is copied.")
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
    """Create a branch as a copy of the environment's database or of another branch.

    PostgreSQL cannot copy a database in use. The command names its sessions; --force ends idle ones, such as those of a
    connection pool, but none that runs a statement or is in a transaction.

    Example: seedbed branch create pr-42
    """
    with step("Copying"):
        from seedbed.branching import get_branch_provider
        from seedbed.branching.lifecycle import create_branch

        provider = get_branch_provider(configuration(ctx, env))
        copy = create_branch(provider, name, parent=parent, lifetime=parse_lifetime(lasting), force=force)
    lines = [
        f"Created {copy.name}, a copy of {copy.parent}, marked {copy.mark}.",
        f"URL: seedbed branch url {shlex.quote(copy.name)} --show-password",
    ]
    show_result(copy, as_json=as_json, lines=lines)


@branch.command("list", short_help="List the branches with their expiry dates.")
@env_option
@json_option
@click.pass_context
def list_(ctx: click.Context, env: str | None, as_json: bool) -> None:
    """List the branches: name, mark, parent, creation time and expiry."""
    from seedbed.branching import get_branch_provider

    branches = get_branch_provider(configuration(ctx, env)).list()
    show_result(branches, as_json=as_json, lines=format_branches(branches) or ["There are no branches."])


@branch.command("show")
@click.argument("name", metavar="NAME")
@env_option
@json_option
@click.pass_context
def show(ctx: click.Context, name: str, env: str | None, as_json: bool) -> None:
    """Show the details of a branch."""
    from seedbed.branching import get_branch_provider

    details = get_branch_provider(configuration(ctx, env)).get(name)
    rows = [
        ("branch", details.name),
        ("parent", details.parent),
        ("environment", details.environment.value),
        ("mark", details.mark),
        ("sealed", "yes" if details.sealed else "no"),
        ("created", _format_time(details.created_at)),
        ("expires", _format_time(details.expires_at) if details.expires_at else "never"),
    ]
    show_result(details, as_json=as_json, lines=columns(rows))


@branch.command("diff")
@click.argument("name", metavar="NAME")
@click.option("--with", "other_branch", metavar="NAME", help="Another branch, instead of its parent.")
@env_option
@json_option
@click.pass_context
def diff(ctx: click.Context, name: str, other_branch: str | None, env: str | None, as_json: bool) -> None:
    """Show schema differences between a branch and its parent. Ends with 1 if there are any.

    Compares revisions and PostgreSQL's catalogs: tables, columns, constraints, indexes, functions, policies, grants.
    Rows are not compared.

    Example: seedbed branch diff pr-42
    """
    with step("Comparing"):
        from seedbed.previews.branch_diff import compare_branches

        comparison = compare_branches(configuration(ctx, env), name, other_branch)
    lines = [
        f"{comparison.branch} is at {comparison.revision or 'no revision'}, "
        f"{comparison.compared_with} at {comparison.compared_with_revision or 'none'}."
    ]
    lines += [f"  {_format_difference(comparison, difference)}" for difference in comparison.differences] or [
        "Nothing else differs."
    ]
    show_result(comparison, as_json=as_json, lines=lines)
    ctx.exit(0 if comparison.is_equal else 1)


@branch.command("reset")
@click.argument("name", metavar="NAME")
@click.option("--force", is_flag=True, help="End idle sessions on its parent.")
@click.option("--yes", metavar="NAME", help="Confirm with the branch's name instead of typing it.")
@env_option
@json_option
@click.pass_context
def reset(ctx: click.Context, name: str, force: bool, yes: str | None, env: str | None, as_json: bool) -> None:
    """Recreate a branch from the parent's current state.

    Its data is lost, and its sessions are ended. The old branch stays available until the new copy is complete.
    """
    from seedbed.branching import get_branch_provider

    provider = get_branch_provider(configuration(ctx, env))
    sealed = provider.get(name).sealed
    confirm(name, yes, action="reset")
    with step("Copying"):
        provider.reset(name, force=force)
        new_copy = provider.finish(name, sealed=sealed)
    show_result(new_copy, as_json=as_json, lines=[f"Recreated {name} from the current state of {new_copy.parent}."])


@branch.command("url")
@click.argument("name", metavar="NAME")
@click.option("--show-password", is_flag=True, help="Print the password too.")
@env_option
@click.pass_context
def url(ctx: click.Context, name: str, show_password: bool, env: str | None) -> None:
    """Print the connection URL of a branch, with a masked password.

    Example: DATABASE_URL=$(seedbed branch url pr-42 --show-password) seedbed up
    """
    from seedbed.branching import get_branch_provider

    address = get_branch_provider(configuration(ctx, env)).url(name)
    click.echo(address.reveal() if show_password else address.masked)


@branch.command("delete")
@click.argument("name", metavar="NAME")
@click.option("--yes", metavar="NAME", help="Confirm with the branch's name instead of typing it.")
@env_option
@json_option
@click.pass_context
def delete(ctx: click.Context, name: str, yes: str | None, env: str | None, as_json: bool) -> None:
    """Delete a branch and its data.

    Its sessions are ended. Only a branch that `branch create` or `preview up` created for this project can be deleted,
    never an environment's own database.
    """
    from seedbed.branching import get_branch_provider

    provider = get_branch_provider(configuration(ctx, env))
    provider.get(name)
    confirm(name, yes, action="deleted")
    provider.delete(name)
    show_result({"name": name, "deleted": True}, as_json=as_json, lines=[f"Deleted {name}."])


def _format_difference(diff: "BranchDiff", difference: "Difference") -> str:
    if difference.attribute:
        facts = f"{difference.attribute} is {difference.found}, and {difference.expected} in {diff.compared_with}"
        return f"{difference.object}: {facts}"
    return f"only in {diff.compared_with if difference.found == 'missing' else diff.branch}: {difference.object}"


def format_branches(branches: "Sequence[Branch]") -> list[str]:
    """Format branches as a table with a header. There is no header without branches."""
    rows = [(b.name, b.mark, b.parent, _format_time(b.created_at), _format_expiry(b)) for b in branches]
    return columns([("NAME", "MARK", "PARENT", "CREATED", "EXPIRES"), *rows]) if rows else []


def _format_time(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def _format_expiry(branch: "Branch") -> str:
    if branch.expires_at is None:
        return "never"
    expired = " (expired)" if branch.expires_at <= datetime.now(UTC) else ""
    return f"{_format_time(branch.expires_at)}{expired}"
