"""What `--json` prints, held against the names that the manual promises."""

import json
import re
from dataclasses import fields
from typing import Any

import pytest

from seedbed.branching.protocol import Branch
from seedbed.migrations.apply.plan import UpgradePlan
from seedbed.migrations.checks.baseline import Baseline, RevisionEdit
from seedbed.migrations.checks.doctor_files import Finding
from seedbed.migrations.checks.project_check import ProjectCheck
from seedbed.migrations.checks.status import EnvironmentStatus, RevisionStatus
from seedbed.migrations.draft.draft import DraftedRevisions
from seedbed.migrations.hazards.rehearsal import BlockedTable, Rehearsal, RehearsedStatement
from seedbed.migrations.hazards.rules import Hazard
from seedbed.migrations.history.rebase import RebasedRevision
from seedbed.migrations.history.revisions import Revision
from seedbed.migrations.proof.proof import Proof
from seedbed.postgres.database_status import DatabaseStatus
from seedbed.postgres.embedded.project_server import ServerStatus
from seedbed.previews.base_branch import PreviewBase
from seedbed.previews.branch_diff import BranchDiff
from seedbed.previews.garbage_collection import CollectedBranch
from seedbed.previews.preview_data import PreviewData
from seedbed.schema.description import ColumnDescription, TableDescription
from seedbed.seeding.loading.load import LoadedSeeds
from seedbed.seeding.masking import MaskedDatabase
from seedbed.seeding.planning.seed_plan import LockComparison as SeedsChecked
from seedbed.service.reader_role import ReaderGrant
from seedbed.settings.configuration import SettingEntry
from seedbed.starter.project_writer import CreatedProject
from seedbed.up import RouteResponse
from tests.acceptance.conftest import ROOT, Project, people

PRINTED: dict[str, type[Any]] = {
    "branch create": Branch,
    "branch list": Branch,
    "branch reset": Branch,
    "branch show": Branch,
    "branch diff": BranchDiff,
    "config": SettingEntry,
    "db grant-reader": ReaderGrant,
    "db start": ServerStatus,
    "db status": DatabaseStatus,
    "doctor": Finding,
    "init` of a new project": CreatedProject,
    "migrate accept": RevisionEdit,
    "migrate adopt": Baseline,
    "migrate check": ProjectCheck,
    "migrate draft": DraftedRevisions,
    "migrate history": RevisionStatus,
    "migrate rebase": RebasedRevision,
    "migrate rehearse": Rehearsal,
    "migrate status": UpgradePlan,
    "migrate status --all": EnvironmentStatus,
    "preview base": PreviewBase,
    "preview gc": CollectedBranch,
    "preview list": Branch,
    "schema show": TableDescription,
    "seed check": SeedsChecked,
    "seed mask": MaskedDatabase,
    "seed run": LoadedSeeds,
    "up --once": RouteResponse,
    "`proof`": Proof,
    "`hazards`": Hazard,
    "`blocked`": BlockedTable,
    "`data` of": PreviewData,
    "`steps` of": RehearsedStatement,
    "`columns` of": ColumnDescription,
    "a revision": Revision,
}
RUN = (
    "migrate plan",
    "migrate status --all",
    "migrate apply",
    "migrate downgrade",
    "migrate apply -e development",
    "migrate status",
    "migrate history",
    "db mark",
    "schema show",
    "seed plan",
    "seed run",
    "seed mask --check",
    "branch create copy",
    "branch delete copy --yes copy",
    "preview up preview/one",
    "preview down preview/one",
    "db stop",
)
"""Commands of which some put their facts together themselves."""


def promised() -> dict[str, list[str]]:
    """The names of each row of the page's tables, by what the row is about; `[]` is first where it is a list."""
    page = (ROOT / "docs/reference/json.md").read_text(encoding="utf-8")
    found: dict[str, list[str]] = {}
    for heading, said in re.findall(r"^\| (`?[^|]+?) \| (.+) \|$", page, re.MULTILINE):
        names = [*(["[]"] if said.startswith("list") else []), *re.findall(r"`(\w+)`", said)]
        commands = re.findall(r"`([^`]+)`", heading) if re.fullmatch(r"`[^`]+`(?:, `[^`]+`)*", heading) else []
        found |= dict.fromkeys([heading, *commands], names)
    return found


def told(printed: Any) -> list[str]:
    return ["[]", *printed[0]] if isinstance(printed, list) else [*printed]


class TestPage:
    @pytest.mark.parametrize("about", PRINTED)
    def test_has_the_names_of_what_is_printed(self, about: str) -> None:
        page = promised()
        rows = [about] if about in page else [row for row in page if row.startswith((about, f"`{about}"))]
        assert rows, about

        names = [name for name in page[rows[0]] if name != "[]"]

        assert names == [field.name for field in fields(PRINTED[about])]


@pytest.mark.parametrize("project", people()[:1], ids=lambda person: person.name, indirect=True)
class TestCommands:
    def test_print_what_is_promised(self, project: Project) -> None:
        page, seen = promised(), dict[str, Any]()
        for command in RUN:
            out = project.run(*command.split(), "--json", code=1 if command == "migrate plan" else 0).stdout
            seen[command] = told(json.loads(out))

        known = {command: max((row for row in page if command.startswith(row)), key=len) for command in seen}
        assert seen == {command: page[known[command]] for command in seen}
