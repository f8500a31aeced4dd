"""Record the revision files that are drafted for each change of the catalogue, there and back, in each form."""

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
from seedbed.migrating.changing import Change, candidate_of
from seedbed.migrating.proving.proof import prove
from seedbed.migrating.words import Form, Words
from seedbed.migrating.writing import add_verdict, draft_folder, write_revision
from seedbed.postgres.databases import Database
from seedbed.postgres.embedded import find_binaries, throwaway_server
from seedbed.settings import Project
from tests.baseline.results import Folder, slug
from tests.catalogue.cases import GROUPS
from tests.catalogue.drawing import Edit, edits
from tests.catalogue.harness import Ground, change_to, read_target, steps_of
from tests.projects import little_project

FORMS = {"online": Form.ONLINE, "gradual": Form.GRADUAL, "plain": Form.PLAIN}
_REVISION = re.compile(r'^revision: str = "([0-9a-f]+)"$', re.MULTILINE)


def normalise_revision(text: str, known: Sequence[str]) -> tuple[str, list[str]]:
    """A revision's text with its id, and the known ones, as numbers; and all the ids that are known then."""
    ids = [*known, *_REVISION.findall(text)]
    for number, revision in enumerate(ids, 1):
        text = text.replace(revision, f"<revision {number}>")
    return text, ids


def record_cases(folder: Path, group: str, step: int) -> None:
    """Record the drafts of a group's changes, or of each `step`th. The default form is proven too, for its verdict."""
    warnings.simplefilter("ignore", SAWarning)
    results = Folder(folder)
    with (
        throwaway_server(find_binaries()) as server,
        tempfile.TemporaryDirectory() as root,
        little_project(Path(root), "") as little,
    ):
        drafting = _Drafting(Ground(server), little.settled)
        for case in GROUPS[group][::step]:
            for direction, before, after, words in (
                ("there", case.before, case.after, case.words),
                ("back", case.after, case.before, case.back),
            ):
                drafted = drafting.draft(before.metadata(), after.metadata(), words)
                for form, text in drafted.items():
                    results.write(f"drafts/{slug(group)}/{slug(case.name)}-{direction}-{form}.py.txt", text)


def record_drawn(folder: Path, count: int) -> None:
    """Record the drafts of edits that Hypothesis draws from a fixed seed."""
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
        throwaway_server(find_binaries()) as server,
        tempfile.TemporaryDirectory() as root,
        little_project(Path(root), "") as little,
    ):
        drafting = _Drafting(Ground(server), little.settled)
        for number, edit in enumerate(drawn):
            drafted = drafting.draft(edit.before.metadata(), edit.after.metadata(), edit.words)
            for form, text in drafted.items():
                results.write(f"drafts/drawn/{number:03}-{form}.py.txt", f"# {'; '.join(edit.told)}\n{text}")


class _Drafting:
    """Drafts changes on one server, into a project without revisions."""

    def __init__(self, ground: Ground, project: Project) -> None:
        self._ground, self._project = ground, project

    def draft(self, before: MetaData, after: MetaData, words: Words) -> dict[str, str]:
        """The files of a change by the name of the form, or the error that refuses it."""
        drafted = {}
        with self._ground.database() as beginning:
            self._ground.build(beginning, before)
            target = read_target(self._ground, after)
            for name, form in FORMS.items():
                try:
                    change = change_to(beginning, target, after, replace(words, form=form))
                    drafted[name] = self._files(beginning, change, proven=form is Form.ONLINE)
                except SeedbedError as error:
                    drafted[name] = f"refused {error.code}: {error.message}"
        return drafted

    def _files(self, beginning: Database, change: Change, *, proven: bool) -> str:
        texts: list[str] = []
        ids: list[str] = []
        with draft_folder(self._project) as folder:
            revisions = [write_revision(folder, part.named("Change it"), part) for part in change.parts]
            if proven:
                proof = prove(candidate_of(change, steps_of(change)), lambda: self._ground.copy_of(beginning))
                for revision in revisions:
                    add_verdict(revision, proof.lines())
            for revision in revisions:
                text, ids = normalise_revision(revision.file.read_text(encoding="utf-8"), ids)
                texts.append(text)
        return "\n# next revision\n".join(texts)
