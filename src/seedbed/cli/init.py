"""`seedbed init`: a new project."""

import shlex
from pathlib import Path

import click

from seedbed.cli.options import columns, json_option, show

_PARTS = (
    ("schema/", "the tables, User and Task"),
    ("migrations/", "the revision that creates them"),
    ("seeds/", "how many rows each environment gets, and of what kind"),
    ("tests/", "one test, on a database of its own"),
)


@click.command()
@click.argument("path", metavar="[PATH]", type=click.Path(path_type=Path), default=".")
@json_option
@click.pass_context
def init(ctx: click.Context, path: Path, as_json: bool) -> None:
    """Begin a project in PATH, or here.

    It is small and whole: two tables, the migration that creates them, seeds, a test, and settings that need no
    filling in. `seedbed up` works in it at once. Change it from there.

    PATH is made where it is missing. A folder that has a pyproject.toml, a schema folder or anything else that would be
    written is refused, and nothing in it is touched.
    """
    from seedbed.starter.writing import write

    folder: Path = ctx.find_root().obj
    written = write(folder / path)
    enter = [] if written.folder == Path.cwd() else [f"  cd {shlex.quote(str(path))}"]
    lines = [
        f"{written.name} is begun, {len(written.files)} files:",
        *columns(_PARTS, indent="  "),
        "Next:",
        *enter,
        "  seedbed up",
    ]
    show(written, as_json=as_json, lines=lines)
