"""The file migrations/head: the checksum of each revision file, so that an edited file and a fork are noticed."""

import re
from collections.abc import Sequence
from pathlib import Path

from seedbed.errors import MergeConflictMarkers
from seedbed.migrations.history.checksum import compute_checksum
from seedbed.migrations.history.revisions import History, Revision, find_script_directory
from seedbed.settings import Project
from seedbed.settings.atomic_files import write_atomically

_NOTE = (
    "# Written by Seedbed. Two new revisions after the same one conflict here, where they can still be put in order.\n"
)
OPEN = "open"
"""Stands for the checksum of a revision that is still being written by hand."""

_CONFLICT = re.compile(r"^(<{7}|\|{7}|={7}|>{7})(\s|$)", re.MULTILINE)


def seal_revisions(project: Project, history: History, *, open_revisions: Sequence[str] = ()) -> None:
    """Seal the revisions: write migrations/head, one line for each revision with the checksum of its file.

    The `open_revisions` are not sealed yet: their files may still change.
    """
    lines = [
        f"{revision.id} {OPEN if revision.id in open_revisions else compute_checksum(revision.file)}\n"
        for revision in history.revisions
    ]
    write_atomically(_file(project), _NOTE + "".join(lines))


def find_broken_seals(project: Project, history: History) -> list[Revision]:
    """Return the revisions whose files have changed since they were sealed."""
    seals = read_seals(project)
    return [
        revision
        for revision in history.revisions
        if seals.get(revision.id, OPEN) not in {OPEN, compute_checksum(revision.file)}
    ]


def find_missing_revisions(project: Project, history: History) -> list[str]:
    """Return the sealed revisions that have no file."""
    return sorted(read_seals(project).keys() - {revision.id for revision in history.revisions})


def read_head_file(project: Project) -> str | None:
    """Return the text of migrations/head, or None where the file does not exist."""
    try:
        return _file(project).read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None


def restore_head_file(project: Project, text: str | None) -> None:
    """Write an earlier text of migrations/head back, if it has changed since."""
    if text is None:
        _file(project).unlink(missing_ok=True)
    elif read_head_file(project) != text:
        write_atomically(_file(project), text)


def read_seals(project: Project) -> dict[str, str]:
    """Read migrations/head: the checksum of each sealed revision.

    Raises:
        MergeConflictMarkers: the file has conflict markers of a merge.
    """
    try:
        text = _file(project).read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    if marker := _CONFLICT.search(text):
        raise MergeConflictMarkers("migrations/head", text.count("\n", 0, marker.start()) + 1)
    rows = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {fields[0]: fields[1] for fields in rows if len(fields) == 2}  # noqa: PLR2004 - a revision and its checksum


def _file(project: Project) -> Path:
    return find_script_directory(project) / "head"
