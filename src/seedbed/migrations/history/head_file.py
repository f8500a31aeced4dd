"""The checksums of the revisions' files, in the order of the history: an edited file and a fork are both seen."""

import re
from collections.abc import Sequence
from pathlib import Path

from seedbed.errors import MergeConflictMarkers
from seedbed.migrations.history.checksum import compute_checksum
from seedbed.migrations.history.revisions import History, Revision, find_script_directory
from seedbed.settings import Project
from seedbed.settings.atomic_files import write_whole

_NOTE = (
    "# Written by Seedbed. Two new revisions after the same one conflict here, where they can still be put in order.\n"
)
OPEN = "open"
"""What stands for the checksum of a revision that is still being written by hand."""

_CONFLICT = re.compile(r"^(<{7}|\|{7}|={7}|>{7})(\s|$)", re.MULTILINE)


def seal_revisions(project: Project, history: History, *, open_revisions: Sequence[str] = ()) -> None:
    """Write migrations/head: a line for each revision, with the checksum of its file."""
    lines = [f"{r.id} {OPEN if r.id in open_revisions else compute_checksum(r.file)}\n" for r in history.revisions]
    write_whole(_file(project), _NOTE + "".join(lines))


def find_broken_seals(project: Project, history: History) -> list[Revision]:
    """The revisions whose files are no longer what they were when they were sealed; open ones are still free."""
    sealed = read_seals(project)
    return [r for r in history.revisions if sealed.get(r.id, OPEN) not in {OPEN, compute_checksum(r.file)}]


def find_missing_revisions(project: Project, history: History) -> list[str]:
    """The revisions that were sealed and have no file any more."""
    return sorted(read_seals(project).keys() - {revision.id for revision in history.revisions})


def read_head_file(project: Project) -> str | None:
    """The text of migrations/head, or None where there is no such file."""
    try:
        return _file(project).read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None


def restore_head_file(project: Project, text: str | None) -> None:
    """Give migrations/head the text it had, unless it has it still."""
    if text is None:
        _file(project).unlink(missing_ok=True)
    elif read_head_file(project) != text:
        write_whole(_file(project), text)


def read_seals(project: Project) -> dict[str, str]:
    """Read migrations/head: the checksum of each revision.

    Raises:
        MergeConflictMarkers: a merge left its markers in it.
    """
    try:
        text = _file(project).read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    if marker := _CONFLICT.search(text):
        raise MergeConflictMarkers("migrations/head", text.count("\n", 0, marker.start()) + 1)
    pairs = (line.split() for line in text.splitlines() if not line.startswith("#"))
    return {pair[0]: pair[1] for pair in pairs if len(pair) == 2}  # noqa: PLR2004 - a revision and its checksum


def _file(project: Project) -> Path:
    return find_script_directory(project) / "head"
