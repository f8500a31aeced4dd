"""Record the revision files drafted for each schema change, in both directions and with each rollout strategy."""

import re
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from sqlalchemy import MetaData
from sqlalchemy.exc import SAWarning

from seedbed.errors import SeedbedError
from seedbed.migrations.draft.decisions import Decisions, RolloutStrategy
from seedbed.migrations.draft.revision_file import add_verdict, draft_folder, write_revision
from seedbed.migrations.draft.revision_plans import ChangeSet, build_candidate
from seedbed.migrations.proof.proof import prove
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import find_binaries, run_temporary_server
from seedbed.settings import Project
from tests.migrations.changes.cases import GROUPS
from tests.migrations.changes.harness import TrialServer, build_models, make_revision_runs, plan_change
from tests.migrations.changes.random_schemas import Edit, edits
from tests.support.baseline.results import Folder, slug
from tests.support.projects import little_project

_REVISION = re.compile(r'^revision: str = "([0-9a-f]+)"$', re.MULTILINE)


def normalize_revision(text: str, known: Sequence[str]) -> tuple[str, list[str]]:
    """Replace a revision's id, and the known ids, by numbers. Return the text, and all ids known now."""
    ids = [*known, *_REVISION.findall(text)]
    for number, revision in enumerate(ids, 1):
        text = text.replace(revision, f"<revision {number}>")
    return text, ids


def record_cases(folder: Path, group: str, step: int) -> None:
    """Record the drafts of every `step`th change of a group. Those with the default strategy are also proven."""
    warnings.simplefilter("ignore", SAWarning)
    results = Folder(folder)
    with (
        run_temporary_server(find_binaries()) as server,
        tempfile.TemporaryDirectory() as root,
        little_project(Path(root), "") as little,
    ):
        drafting = _Drafting(TrialServer(server), little.settled)
        for case in GROUPS[group][::step]:
            for direction, before, after, decisions in (
                ("forward", case.before, case.after, case.decisions),
                ("reverse", case.after, case.before, case.reverse_decisions),
            ):
                drafted = drafting.draft(before.metadata(), after.metadata(), decisions)
                for strategy, text in drafted.items():
                    results.write(f"drafts/{slug(group)}/{slug(case.name)}-{direction}-{strategy}.py.txt", text)


def record_random(folder: Path, count: int) -> None:
    """Record the drafts of random edits, which Hypothesis draws from a fixed seed."""
    warnings.simplefilter("ignore", SAWarning)
    results = Folder(folder)
    drawn: list[Edit] = []

    @seed(16)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(edit=edits())
    def draw(edit: Edit) -> None:
        drawn.append(edit)

    draw()
    with (
        run_temporary_server(find_binaries()) as server,
        tempfile.TemporaryDirectory() as root,
        little_project(Path(root), "") as little,
    ):
        drafting = _Drafting(TrialServer(server), little.settled)
        for number, edit in enumerate(drawn):
            drafted = drafting.draft(edit.before.metadata(), edit.after.metadata(), edit.decisions)
            for strategy, text in drafted.items():
                results.write(f"drafts/random/{number:03}-{strategy}.py.txt", f"# {'; '.join(edit.told)}\n{text}")


class _Drafting:
    """Drafts changes on one server, into a project without revisions."""

    def __init__(self, trial_server: TrialServer, project: Project) -> None:
        self._trial_server, self._project = trial_server, project

    def draft(self, before: MetaData, after: MetaData, decisions: Decisions) -> dict[str, str]:
        """Draft a change with each rollout strategy. Returns the text of its files, or the error, by strategy."""
        drafted = {}
        with self._trial_server.database() as start:
            self._trial_server.build(start, before)
            models = build_models(self._trial_server, after)
            for strategy in RolloutStrategy:
                try:
                    change = plan_change(start, models, after, replace(decisions, strategy=strategy))
                    drafted[str(strategy)] = self._write(start, change, is_proven=strategy is RolloutStrategy.ONLINE)
                except SeedbedError as error:
                    drafted[str(strategy)] = f"refused {error.code}: {error.message}"
        return drafted

    def _write(self, start: Database, change: ChangeSet, *, is_proven: bool) -> str:
        texts: list[str] = []
        ids: list[str] = []
        with draft_folder(self._project) as folder:
            revisions = [write_revision(folder, plan.title("Change it"), plan) for plan in change.revision_plans]
            if is_proven:
                candidate = build_candidate(change, make_revision_runs(change))
                proof = prove(candidate, lambda: self._trial_server.copy_of(start))
                for revision in revisions:
                    add_verdict(revision, proof.lines())
            for revision in revisions:
                text, ids = normalize_revision(revision.file.read_text(encoding="utf-8"), ids)
                texts.append(text)
        return "\n# next revision\n".join(texts)
