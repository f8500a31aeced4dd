"""`seedbed init`: create a project, or add Seedbed to an existing one."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seedbed.cli.options import ask, columns, json_option, show

if TYPE_CHECKING:
    from seedbed.starter.adoption import Adoption
    from seedbed.starter.project_discovery import DiscoveredProject
    from seedbed.starter.project_writer import ProjectParts

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
@click.option("--docker", is_flag=True, help="Include a Dockerfile in a new project.")
@click.option("--write", is_flag=True, help="Apply the changes to an existing project without confirmation.")
@json_option
@click.pass_context
def init(
    ctx: click.Context,
    path: Path,
    neon: bool | None,
    service: bool | None,
    docker: bool,
    write: bool,
    as_json: bool,
) -> None:
    """Create a project in PATH (default: here), or add Seedbed to an existing one.

    A new project is small and complete: two tables, the migration that creates them, seeds, a test and working
    settings, so you can run `seedbed up` at once. PATH is created if it is missing. --no-neon and --no-service leave
    out those parts.

    If PATH has SQLModel or SQLAlchemy tables or an Alembic history, they stay unchanged. The command lists what it
    found and what Seedbed needs, shows each change of an existing file as a diff, and writes after you confirm. It
    neither runs the project's code nor connects to a database. The workflow for Neon is added only with --neon.

    Example: seedbed init shop
    """
    from seedbed.starter.project_discovery import discover_project
    from seedbed.starter.project_writer import ProjectParts

    folder: Path = ctx.find_root().obj / path
    project = discover_project(folder.resolve()) if folder.is_dir() else None
    serves = service is not False
    if project is not None:
        if docker:
            raise click.UsageError("--docker is for a new project; this one keeps its own image.", ctx)
        _adopt(project, ProjectParts(neon=neon is True, service=serves), write=write, as_json=as_json)
    else:
        _create(folder, path, ProjectParts(neon=neon is not False, service=serves, docker=docker), as_json=as_json)


def _create(folder: Path, path: Path, parts: "ProjectParts", *, as_json: bool) -> None:
    from seedbed.starter.project_writer import create_project

    project = create_project(folder, parts)
    change_directory = [] if project.directory == Path.cwd() else [f"  cd {shlex.quote(str(path))}"]
    lines = [
        f"Created {project.name} ({len(project.files)} files):",
        *columns(_PARTS, indent="  "),
        "Next:",
        *change_directory,
        "  seedbed up",
    ]
    show(project, as_json=as_json, lines=lines)


def _adopt(project: "DiscoveredProject", parts: "ProjectParts", *, write: bool, as_json: bool) -> None:
    from seedbed.errors import FileChangesNotConfirmed
    from seedbed.starter.adoption import plan_adoption, write_changes

    adoption = plan_adoption(project, parts)
    facts = {
        "detected": project,
        "notes": adoption.notes,
        "changes": [vars(change) for change in adoption.changes],
    }
    show(facts, as_json=as_json, lines=_format_adoption(adoption))
    if not adoption.changes:
        return
    if not write and (as_json or not sys.stdin.isatty() or not _confirm_changes(len(adoption.changes))):
        raise FileChangesNotConfirmed(project.root, [change.file for change in adoption.changes])
    write_changes(adoption)
    if not as_json:
        has_revisions = project.history is not None and project.history.revisions
        first = "seedbed migrate check" if has_revisions else 'seedbed migrate draft -m "First tables"'
        click.echo(f"Written. Next:\n  {first}\n  seedbed up")


def _confirm_changes(count: int) -> bool:
    files = "this file" if count == 1 else f"these {count} files"
    return (ask(f"Write {files}? [y/N]", default="") or "").strip().lower() in {"y", "yes"}


def _format_adoption(adoption: "Adoption") -> list[str]:
    return [
        f"Found in {adoption.project.root}:",
        *columns(_format_project(adoption.project), indent="  "),
        *(f"Note: {note}" for note in adoption.notes),
        *(["Changes:"] if adoption.changes else ["No changes needed."]),
        *columns(
            [
                (change.file, f"{'' if change.before is not None else 'new: '}{change.reason}")
                for change in adoption.changes
            ],
            indent="  ",
        ),
        *(
            line
            for change in adoption.changes
            if change.before is not None or change.file == "pyproject.toml"
            for line in change.diff
        ),
    ]


def _format_project(project: "DiscoveredProject") -> list[tuple[str, str]]:
    rows = []
    if project.tables is not None:
        class_names = ", ".join(name.rpartition(".")[2] for name in project.tables.classes)
        rows.append(("tables", f"{len(project.tables.classes)}: {class_names}" if class_names else "none yet"))
        modules = ", ".join((project.tables.schema, *project.tables.imports))
        rows.append(
            (
                "imported by",
                f"{modules}{' from ' + ', '.join(project.tables.import_path) if project.tables.import_path else ''}",
            )
        )
        rows.append(("metadata", project.tables.metadata or "SQLModel.metadata"))
    if project.history is not None:
        history = project.history
        count = f"{history.revisions} revision{'s' if history.revisions != 1 else ''}"
        heads = f", {len(history.heads)} heads: {', '.join(history.heads)}" if len(history.heads) > 1 else ""
        rows.append(("history", f"{_show_path(project, history.script_location)}, {count}{heads}"))
        if history.env_file is not None:
            mode = "asynchronous" if history.is_async else "synchronous"
            connection = "accepts a connection" if history.accepts_connection else "connects by itself"
            rows.append(("env.py", f"{mode}, {connection}"))
        if history.version_table != "alembic_version":
            rows.append(("version table", history.version_table))
    for name, variables in project.environment_files.items():
        rows.append((name, ", ".join(variables) or "no database variable"))
    return rows


def _show_path(project: "DiscoveredProject", path: Path) -> str:
    return str(path.relative_to(project.root)) if path.is_relative_to(project.root) else str(path)
