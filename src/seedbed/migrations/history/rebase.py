"""A fork in the history mended, by putting one side after the other."""

import re
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path

from alembic.script import Script, ScriptDirectory

from seedbed.errors import RevisionNotAHead
from seedbed.migrations.history.revisions import build_alembic_config, read_history
from seedbed.migrations.history.seal import seal_revisions
from seedbed.settings import Project
from seedbed.settings.atomic_files import write_whole


@dataclass(frozen=True)
class RebasedRevision:
    """The revision that was moved, and what it follows now."""

    revision: str
    down_revision: str


def rebase(project: Project, revision: str) -> RebasedRevision:
    """Put the side of a fork that ends in `revision` after the other side, by its oldest revision's `down_revision`.

    Only that line of that file and migrations/head are rewritten. A database that had the moved revisions has them
    before the others; it is to be reset, or brought down first.

    Raises:
        RevisionNotAHead: there is no fork, or `revision` is not the end of a side of it.
    """
    directory = ScriptDirectory.from_config(build_alembic_config(project))
    heads = directory.get_heads()
    if len(heads) != 2 or revision not in heads:  # noqa: PLR2004 - a fork has two ends
        raise RevisionNotAHead(revision, heads)
    other = next(head for head in heads if head != revision)
    kept = {script.revision for script in directory.iterate_revisions(other, "base")}
    moved = [s for s in directory.iterate_revisions(revision, "base") if s.revision not in kept]
    oldest = moved[-1]
    if not isinstance(oldest, Script):
        raise RevisionNotAHead(revision, heads)
    _follow(oldest, other)
    history = read_history(project)
    seal_revisions(project, history)
    return RebasedRevision(oldest.revision, other)


def _follow(script: Script, other: str) -> None:
    file = Path(script.path)
    text = file.read_text(encoding="utf-8")
    mended = re.sub(r"(?m)^(down_revision\b[^=\n]*=\s*).*$", rf'\g<1>"{other}"', text, count=1)
    mended = re.sub(r"(?m)^Revises: .*$", f"Revises: {other}", mended, count=1)
    write_whole(file, mended)
    # Python knows a compiled file by its source's size and second, and neither need have changed.
    Path(cache_from_source(str(file))).unlink(missing_ok=True)
