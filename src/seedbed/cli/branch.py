"""`seedbed branch`: copies of the development database, each with a name."""

import click

from seedbed.cli.options import columns, configuration, confirm, json_option, show, step


@click.group()
def branch() -> None:
    """Copy the database under a name, and delete the copy again.

    A branch is a whole database, with rows, grants and settings as its parent had them at that moment, and nothing
    done to one reaches the other. Branches are made of the development database and are kept on its server.

    Names are free: pr-42, feature/search, preview/pr-42.
    """


@branch.command()
@click.argument("name", metavar="NAME")
@click.option("--from", "parent", metavar="NAME", help="The branch to copy, instead of the development database.")
@click.option("--force", is_flag=True, help="End sessions that are idle on the database that is copied.")
@json_option
@click.pass_context
def create(ctx: click.Context, name: str, parent: str | None, force: bool, as_json: bool) -> None:
    """Copy the development database, or a branch.

    PostgreSQL copies no database that somebody is connected to. The command says who is; --force ends those that are
    idle, such as a service's pool, and nobody who is at work or in a transaction.
    """
    with step("Copying"):
        from seedbed.branching import provider_of
        from seedbed.branching.making import make

        made = make(provider_of(configuration(ctx, "development")), name, parent=parent, force=force)
    said = f"{made.name} is a copy of {made.parent}, marked {made.mark}. Its address: seedbed branch url {made.name}"
    show(made, as_json=as_json, lines=[said])


@branch.command("list")
@json_option
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the branches: name, mark, parent, and when each was made."""
    from seedbed.branching import provider_of

    found = provider_of(configuration(ctx, "development")).list()
    rows = [(b.name, b.mark, f"from {b.parent}", f"{b.created_at.astimezone():%Y-%m-%d %H:%M}") for b in found]
    show(found, as_json=as_json, lines=columns(rows) or ["There are no branches."])


@branch.command()
@click.argument("name", metavar="NAME")
@click.option("--show-password", is_flag=True, help="Print the password too, for a program that connects.")
@click.pass_context
def url(ctx: click.Context, name: str, show_password: bool) -> None:
    """Print a branch's URL, its password masked unless asked for.

    One command on a branch of development: DATABASE_URL=$(seedbed branch url NAME --show-password) seedbed up
    """
    from seedbed.branching import provider_of

    address = provider_of(configuration(ctx, "development")).url(name)
    click.echo(address.reveal() if show_password else address.masked)


@branch.command()
@click.argument("name", metavar="NAME")
@click.option("--yes", metavar="NAME", help="Confirm with the branch's name instead of typing it.")
@click.pass_context
def delete(ctx: click.Context, name: str, yes: str | None) -> None:
    """Delete a branch with all that is in it.

    Sessions on it are ended. Only what `branch create` or `preview up` made for this project can be deleted, and never
    an environment's own database.
    """
    from seedbed.branching import provider_of

    provider = provider_of(configuration(ctx, "development"))
    provider.get(name)
    confirm(name, yes, action="deleted")
    provider.delete(name)
    click.echo(f"{name} is deleted.")
