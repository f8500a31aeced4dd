"""`seedbed init`: create a project, or add Seedbed to an existing one."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seedbed.cli.options import ask, columns, json_option, show

if TYPE_CHECKING:
    from seedbed.starter.adoption import Adoption
    from seedbed.starter.components import ProjectParts
    from seedbed.starter.project_discovery import DiscoveredProject

_PARTS = (
    ("schema/", "the tables, User and Task"),
    ("migrations/", "the revision that creates them"),
    ("seeds/", "sample data per environment"),
    ("tests/", "one test, on a database with tables and rows"),
)


@click.command("init", short_help="Create a project, or add Seedbed to an existing one.")
@click.argument("path", metavar="[PATH]", type=click.Path(path_type=Path), default=".")
@click.option("--neon/--no-neon", default=None, help="Include a workflow and settings for preview databases on Neon.")
@click.option("--service/--no-service", default=None, help="Include the read API and its settings.")
@click.option("--write", is_flag=True, help="Apply the changes to an existing project without confirmation.")
@json_option
@click.pass_context
def init(ctx: click.Context, path: Path, neon: bool | None, service: bool | None, write: bool, as_json: bool) -> None:
    """Create a project in PATH (default: here), or add Seedbed to an existing one.

    A new project is small and complete: two tables, the migration that creates them, seeds, a test and working
    settings, so you can run `seedbed up` at once. PATH is created if it is missing. --no-neon and --no-service leave
    out those parts.

    If PATH has SQLModel or SQLAlchemy tables or an Alembic history, they stay unchanged. The command lists what it
    found and what Seedbed needs, shows each change of an existing file as a diff, and writes after you confirm. It
    neither runs the project's code nor connects to a database. The workflow for Neon is added only with --neon.

    Example: seedbed init shop
    """
    from seedbed.starter.components import ProjectParts
    from seedbed.starter.project_discovery import discover_project

    folder: Path = ctx.find_root().obj / path
    found = discover_project(folder.resolve()) if folder.is_dir() else None
    serves = service is not False
    if found is not None:
        _adopt(found, ProjectParts(neon=neon is True, service=serves), write=write, as_json=as_json)
    else:
        _begin(folder, path, ProjectParts(neon=neon is not False, service=serves), as_json=as_json)


def _begin(folder: Path, path: Path, parts: "ProjectParts", *, as_json: bool) -> None:
    from seedbed.starter.project_writer import create_project

    written = create_project(folder, parts)
    enter = [] if written.directory == Path.cwd() else [f"  cd {shlex.quote(str(path))}"]
    lines = [
        f"Created {written.name} ({len(written.files)} files):",
        *columns(_PARTS, indent="  "),
        "Next:",
        *enter,
        "  seedbed up",
    ]
    show(written, as_json=as_json, lines=lines)


def _adopt(found: "DiscoveredProject", parts: "ProjectParts", *, write: bool, as_json: bool) -> None:
    from seedbed.errors import FileChangesNotConfirmed
    from seedbed.starter.adoption import write_changes, plan_adoption

    adoption = plan_adoption(found, parts)
    facts = {"found": found, "notes": adoption.notes, "changes": [vars(one) for one in adoption.changes]}
    show(facts, as_json=as_json, lines=_lines(adoption))
    if not adoption.changes:
        return
    if not write and (as_json or not sys.stdin.isatty() or not _agreed(len(adoption.changes))):
        raise FileChangesNotConfirmed(found.root, [change.file for change in adoption.changes])
    write_changes(adoption)
    if not as_json:
        begun = found.history is not None and found.history.revisions
        first = "seedbed migrate check" if begun else 'seedbed migrate draft -m "First tables"'
        click.echo(f"Written. Next:\n  {first}\n  seedbed up")


def _agreed(count: int) -> bool:
    what = "this file" if count == 1 else f"these {count} files"
    return (ask(f"Write {what}? [y/N]", default="") or "").strip().lower() in {"y", "yes"}


def _lines(adoption: "Adoption") -> list[str]:
    return [
        f"Found in {adoption.found.root}:",
        *columns(_found(adoption.found), indent="  "),
        *(f"Note: {note}" for note in adoption.notes),
        *(["Changes:"] if adoption.changes else ["No changes needed."]),
        *columns(
            [(one.file, f"{'' if one.before is not None else 'new: '}{one.reason}") for one in adoption.changes],
            indent="  ",
        ),
        *(
            line
            for one in adoption.changes
            if one.before is not None or one.file == "pyproject.toml"
            for line in one.diff
        ),
    ]


def _found(found: "DiscoveredProject") -> list[tuple[str, str]]:
    rows = []
    if found.tables is not None:
        shown = ", ".join(name.rpartition(".")[2] for name in found.tables.classes)
        rows.append(("tables", f"{len(found.tables.classes)}: {shown}" if shown else "none yet"))
        modules = ", ".join((found.tables.schema, *found.tables.imports))
        rows.append(
            (
                "imported by",
                f"{modules}{' from ' + ', '.join(found.tables.import_path) if found.tables.import_path else ''}",
            )
        )
        rows.append(("metadata", found.tables.metadata or "SQLModel.metadata"))
    if found.history is not None:
        history = found.history
        count = f"{history.revisions} revision{'s' if history.revisions != 1 else ''}"
        heads = f", {len(history.heads)} heads: {', '.join(history.heads)}" if len(history.heads) > 1 else ""
        rows.append(("history", f"{_shown(found, history.script_location)}, {count}{heads}"))
        if history.env_file is not None:
            form = "asynchronous" if history.is_async else "synchronous"
            takes = "takes a connection" if history.accepts_connection else "connects by itself"
            rows.append(("env.py", f"{form}, {takes}"))
        if history.version_table != "alembic_version":
            rows.append(("version table", history.version_table))
    for name, variables in found.environment_files.items():
        rows.append((name, ", ".join(variables) or "nothing about a database"))
    return rows


def _shown(found: "DiscoveredProject", path: Path) -> str:
    return str(path.relative_to(found.root)) if path.is_relative_to(found.root) else str(path)
