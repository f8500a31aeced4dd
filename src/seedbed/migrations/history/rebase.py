"""Resolve a fork in the history by moving one branch after the other."""

import re
from dataclasses import dataclass
from importlib.util import cache_from_source
from pathlib import Path

from alembic.script import Script, ScriptDirectory

from seedbed.errors import RevisionNotAHead
from seedbed.migrations.history.checksum import seal_revisions
from seedbed.migrations.history.revisions import build_alembic_config, read_history
from seedbed.settings import Project
from seedbed.settings.atomic_files import write_atomically


@dataclass(frozen=True)
class RebasedRevision:
    """The revision whose `down_revision` was changed, and its new `down_revision`."""

    revision: str
    down_revision: str


def rebase(project: Project, revision: str) -> RebasedRevision:
    """Move the branch that ends in `revision` after the other branch of a fork.

    This rewrites the `down_revision` line of the branch's oldest revision, and migrations/head. A database that has
    applied the moved revisions has them in the old order: reset it, or downgrade it first.

    Raises:
        NothingToRebase: there is no fork, or `revision` is not a head of it.
    """
    directory = ScriptDirectory.from_config(build_alembic_config(project))
    heads = directory.get_heads()
    if len(heads) != 2 or revision not in heads:  # noqa: PLR2004 - a fork has two heads
        raise RevisionNotAHead(revision, heads)
    other_head = next(head for head in heads if head != revision)
    other_branch = {script.revision for script in directory.iterate_revisions(other_head, "base")}
    moved_scripts = [
        script for script in directory.iterate_revisions(revision, "base") if script.revision not in other_branch
    ]
    oldest = moved_scripts[-1]
    if not isinstance(oldest, Script):
        raise RevisionNotAHead(revision, heads)
    _write_down_revision(oldest, other_head)
    history = read_history(project)
    seal_revisions(project, history)
    return RebasedRevision(oldest.revision, other_head)


def _write_down_revision(script: Script, down_revision: str) -> None:
    file = Path(script.path)
    text = file.read_text(encoding="utf-8")
    rebased = re.sub(r"(?m)^(down_revision\b[^=\n]*=\s*).*$", rf'\g<1>"{down_revision}"', text, count=1)
    rebased = re.sub(r"(?m)^Revises: .*$", f"Revises: {down_revision}", rebased, count=1)
    write_atomically(file, rebased)
    # Python finds a compiled file by its source's size and modification second; both may be unchanged.
    Path(cache_from_source(str(file))).unlink(missing_ok=True)
