"""The files of drafted revisions: rendered, written to a folder of their own, and moved into the history."""

import errno
import os
import re
import shutil
import tempfile
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from alembic.script import ScriptDirectory
from alembic.script.write_hooks import _run_hooks
from alembic.util import CommandError, rev_id

from seedbed.errors import DraftProofFailure, FileWriteFailure, PostWriteHookFailure
from seedbed.migrations.diff.statement import Statement
from seedbed.migrations.draft.revision_plans import RevisionPlan
from seedbed.migrations.history.revisions import Revision, build_alembic_config
from seedbed.schema.loader import redirect_stdout_to_stderr
from seedbed.settings import Project
from seedbed.settings.atomic_files import write_atomically

_INDENT = "    "
_DRAFT = ".draft-"
CONTRACT_COMMENT = """\
    # seedbed: contract
    # To be applied when no program uses the old column any more; its values are in the new one.
"""
_ALLOW_COMMENT = "    # seedbed: allow drop-column\n"


@contextmanager
def draft_folder(project: Project) -> Iterator[Project]:
    """Use a temporary folder for the revisions of a draft, where no other command reads them; it is deleted afterwards.

    It lies beside env.py, since a post-write hook reads its settings from the folders above a file. Folders left by
    killed commands are deleted too.

    Raises:
        FileWriteFailure: the folder cannot be created, or the folder of the revisions is not writable.
    """
    directory = ScriptDirectory.from_config(build_alembic_config(project))
    versions = _find_versions_directory(directory)
    parent = Path(directory.dir)
    if directory.recursive_version_locations and parent.is_relative_to(versions):
        parent = project.root
    for leftover in parent.glob(f"{_DRAFT}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    try:
        if versions.exists() and not os.access(versions, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(versions))
        folder = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=parent))
    except OSError as error:
        raise FileWriteFailure(str(error.filename or versions), error.strerror or str(error)) from error
    try:
        yield replace(project, draft_folder=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def place_revisions(project: Project, drafted: Project, revisions: Sequence[Revision]) -> list[Revision]:
    """Copy the revisions of a draft into the history, and return them with their new paths.

    The newest comes first: a kill in between leaves a revision that follows a missing one, so that no part is applied.

    Raises:
        FileWriteFailure: a file could not be written; none is left.
    """
    folder = _find_versions_directory(ScriptDirectory.from_config(build_alembic_config(project)))
    placed: list[Revision] = []
    try:
        for revision in reversed(revisions):
            file = folder / revision.file.relative_to(drafted.draft_folder or folder)
            placed.insert(0, replace(revision, file=file))
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(file, revision.file.read_text(encoding="utf-8"))
    except BaseException as error:
        for revision in placed:
            revision.file.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise FileWriteFailure(str(error.filename or folder), error.strerror or str(error)) from error
        raise
    return placed


def write_revision(project: Project, message: str, plan: RevisionPlan) -> Revision:
    """Write a revision after the newest one into the project's draft folder, and run Alembic's post-write hooks on it.

    A downgrade that is a text says why there is none.

    Raises:
        FileWriteFailure: the file could not be written.
        PostWriteHookFailure: a hook's program is missing, or could not be run.
    """
    config = build_alembic_config(project)
    config.cmd_opts = Namespace(quiet=True)
    directory = ScriptDirectory.from_config(config)
    post_write_hooks, directory.hooks = directory.hooks, []
    is_lossless = plan.is_contract and all(step.loss is None for step in plan.up)
    up = (
        (CONTRACT_COMMENT if plan.is_contract else "")
        + (_ALLOW_COMMENT if is_lossless else "")
        + render_body(plan.up, is_online=plan.is_online)
    )
    down = (
        _render_no_downgrade(plan.down)
        if isinstance(plan.down, str)
        else render_body(plan.down, is_online=plan.is_online)
    )
    imports = "from sqlalchemy.dialects import postgresql\n" if "postgresql." in up + down else ""
    revision = rev_id()
    try:
        script = directory.generate_revision(
            revision,
            message,
            head="head",
            version_path=project.draft_folder,
            upgrades=_strip_first_indent(up),
            downgrades=_strip_first_indent(down),
            imports=imports,
        )
    except OSError as error:
        raise FileWriteFailure(str(error.filename or directory.dir), error.strerror or str(error)) from error
    if script is None:
        raise DraftProofFailure("write", "Alembic wrote no file")
    file = Path(script.path)
    try:
        with _output_to_stderr():
            _run_hooks(file, post_write_hooks)
    except (CommandError, OSError) as error:
        raise PostWriteHookFailure(str(error)) from error
    return Revision(script.revision, message, file)


def render_body(statements: Iterable[Statement], *, is_online: bool = False) -> str:
    """Render steps as the body of a function, indented; online ones in Alembic's autocommit block."""
    lines = [_indent(statement.python_code) for statement in statements]
    if not is_online or not lines:
        return "\n".join(lines)
    head = [f"{_INDENT}# Each step is committed as it runs. Interrupted, the revision is run again as a whole."]
    return "\n".join([*head, f"{_INDENT}with op.get_context().autocommit_block():", *map(_indent, lines)])


def add_verdict(revision: Revision, lines: Sequence[str]) -> None:
    """Add the result of a proof below the message in the revision's docstring."""
    text = revision.file.read_text(encoding="utf-8")
    head = f'"""{revision.message}'
    proof_text = "\n".join(_wrap(line) for line in lines)
    if head in text:
        end = "\n" if text.split(head, 1)[1].startswith('"""') else ""
        write_atomically(revision.file, text.replace(head, f"{head}\n\n{proof_text}{end}", 1))


@contextmanager
def _output_to_stderr() -> Iterator[None]:
    """Send the output of hooks to standard error: standard output is for a command's result only."""
    with redirect_stdout_to_stderr():
        saved_stdout = os.dup(1)
        os.dup2(2, 1)
        try:
            yield
        finally:
            os.dup2(saved_stdout, 1)
            os.close(saved_stdout)


def _find_versions_directory(directory: ScriptDirectory) -> Path:
    """The folder for a new revision: that of the newest one, or else the first one."""
    folders = directory._version_locations  # noqa: SLF001 - includes Alembic's default
    head = directory.get_current_head()
    newest = Path(directory.get_revision(head).path) if head is not None else None
    return next((folder for folder in folders if newest is not None and newest.is_relative_to(folder)), folders[0])


def _indent(code: str) -> str:
    """Indent code over several lines, except inside triple-quoted strings."""
    lines, is_inside_string = [], False
    for line in code.split("\n"):
        lines.append(line if is_inside_string else _INDENT + line)
        if len(re.findall('"""', line)) % 2:
            is_inside_string = not is_inside_string
    return "\n".join(lines)


def _strip_first_indent(text: str) -> str:
    """Remove the first line's indent, which the template adds."""
    return text.removeprefix(_INDENT) or "pass"


def _render_no_downgrade(reason: str) -> str:
    return f"{_INDENT}raise RuntimeError({reason!r})"


def _wrap(line: str, width: int = 116) -> str:
    words, lines = line.replace("\\", "\\\\").replace('"""', "'''").split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) + 1 > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
