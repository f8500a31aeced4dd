"""What `seedbed init` writes: files that are the reference project's own, all of them or none."""

import re
import subprocess
import sys
import tomllib
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

import seedbed.starter
from seedbed import __version__
from seedbed.errors import ExistingProjectFiles, ProjectDirectoryNotWritable
from seedbed.settings import find_project
from seedbed.starter.project_writer import ProjectParts, create_project

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
PACKAGED = Path(seedbed.starter.__file__).parent / "files"
FILES = sorted(
    str(path.relative_to(PACKAGED))
    for path in PACKAGED.rglob("*")
    if path.is_file() and "__pycache__" not in path.parts
)
DOCKER = {".dockerignore", "Dockerfile"}
OWN = DOCKER | {
    ".github/workflows/ci.yml",
    ".pre-commit-config.yaml",
    "README.md",
    "pyproject.toml",
    "tests/test_tasks.py",
}


def table(file: Path) -> dict[str, Any]:
    return tomllib.loads(file.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with every part."""
    return create_project(tmp_path_factory.mktemp("whole") / "shop", ProjectParts(docker=True)).directory


def texts(folder: Path) -> dict[str, str]:
    return {str(file.relative_to(folder)): file.read_text() for file in folder.rglob("*") if file.is_file()}


class TestFiles:
    @pytest.mark.parametrize("file", [file for file in FILES if file not in OWN])
    def test_are_the_reference_projects_byte_for_byte(self, whole: Path, file: str) -> None:
        assert (whole / file).read_bytes() == (ROOT / file).read_bytes()

    @pytest.mark.parametrize("part", ["docker", "neon", "service"])
    def test_differ_without_a_part_in_what_is_about_it_and_in_nothing_else(
        self, whole: Path, tmp_path: Path, part: str
    ) -> None:
        all_of_it = texts(whole)

        less = texts(create_project(tmp_path / "shop", ProjectParts(**{"docker": True, part: False})).directory)

        assert not set(less) - set(all_of_it)
        left_out = {"docker": DOCKER, "neon": {".github/workflows/previews.yml"}, "service": set()}
        assert set(all_of_it) - set(less) == left_out[part]
        changed = {file for file, text in less.items() if text != all_of_it[file]}
        assert changed == {
            "docker": {"README.md"},
            "neon": {".env.example", "README.md"},
            "service": {".env.example", "Dockerfile", "README.md", "pyproject.toml"},
        }[part]  # fmt: skip
        lines = [
            line[2:]
            for file in changed
            for line in unified_diff(all_of_it[file].splitlines(), less[file].splitlines(), n=0, lineterm="")
            if line.startswith("-") and not line.startswith("---")
        ]
        words = {
            "docker": "Dockerfile",
            "neon": "NEON|Neon|pooler|DATABASE_URL",
            "service": "SEEDBED_(?!ENV)|service|[Ss]erve|read|cursors|origins|8000",
        }
        assert [line for line in lines if line and not re.search(words[part], line)] == []
        assert find_project(tmp_path / "shop").service is (part != "service")

    @pytest.mark.parametrize("environment", ["development", "testing", "preview"])
    def test_have_locks_that_hold(self, whole: Path, environment: str) -> None:
        command = [sys.executable, "-m", "seedbed", "seed", "check", "-e", environment]

        checked = subprocess.run(command, cwd=whole, capture_output=True, text=True, check=False)

        assert checked.returncode == 0, checked.stderr

    def test_have_no_mark_of_what_could_be_left_out(self, whole: Path) -> None:
        mark = "(# |<!-- )(with|without) (docker|neon|service)"
        assert [file for file, text in texts(whole).items() if re.search(mark, text)] == []

    def test_are_as_many_as_a_project_needs(self) -> None:
        assert len(FILES) == 23 + len(DOCKER)

    @pytest.mark.parametrize("service", [True, False])
    def test_dockerfile_passes_hadolint(self, tmp_path: Path, service: bool) -> None:
        folder = create_project(tmp_path / "shop", ProjectParts(service=service, docker=True)).directory
        hadolint = Path(sys.executable).with_name("hadolint")

        linted = subprocess.run([hadolint, folder / "Dockerfile"], capture_output=True, text=True, check=False)

        assert (linted.returncode, linted.stdout) == (0, "")

    def test_can_be_installed_by_the_workflows(self, whole: Path) -> None:
        """setuptools refuses a folder with several packages unless it is told which; here none is to be packed."""
        workflows = [file.read_text() for file in (whole / ".github/workflows").iterdir()]

        assert all(re.search(r"run: pip install \.", text) for text in workflows)
        assert table(whole / "pyproject.toml")["tool"]["setuptools"] == {"packages": []}

    def test_ask_for_versions_that_seedbed_takes(self) -> None:
        """A new project begins with newer ones: its tables are as the newest SQLModel makes them."""
        ours = [Requirement(one) for one in table(ROOT / "pyproject.toml")["project"]["dependencies"]]
        taken = {one.name: one.specifier for one in ours} | {"seedbed": SpecifierSet(f">={__version__}")}

        for asked in map(Requirement, table(PACKAGED / "pyproject.toml")["project"]["dependencies"]):
            lowest = next(one.version for one in asked.specifier if one.operator == ">=")
            assert f"{lowest}.0" in taken[asked.name] or lowest in taken[asked.name]


class TestWrite:
    def test_makes_the_folder_a_project_of_its_name(self, tmp_path: Path) -> None:
        written = create_project(tmp_path / "new" / "My Shop é")

        assert written.name == "my-shop"
        assert list(written.files) == [file for file in FILES if file not in DOCKER]
        found = find_project(written.directory)
        assert (found.name, found.schema, found.root) == ("my-shop", "schema", written.directory)
        assert (written.directory / "README.md").read_text(encoding="utf-8").startswith("# my-shop\n")
        assert (written.directory / "schema/task.py").read_bytes() == (ROOT / "schema/task.py").read_bytes()

    def test_leaves_what_is_in_the_folder_and_in_nobodys_way(self, tmp_path: Path) -> None:
        (tmp_path / ".git").mkdir()
        (tmp_path / "LICENSE").write_text("mine")

        create_project(tmp_path)

        assert (tmp_path / "LICENSE").read_text() == "mine"
        assert (tmp_path / "pyproject.toml").is_file()

    def test_refuses_a_folder_that_has_such_files_and_writes_nothing(self, tmp_path: Path) -> None:
        (tmp_path / "schema").mkdir()
        (tmp_path / "README.md").write_text("mine")

        with pytest.raises(ExistingProjectFiles) as refused:
            create_project(tmp_path)

        assert str(refused.value) == (f"No files were changed: {tmp_path} already contains README.md, schema.")
        assert sorted(path.name for path in tmp_path.iterdir()) == ["README.md", "schema"]
        assert (tmp_path / "README.md").read_text() == "mine"

    def test_refuses_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "shop").write_text("mine")

        with pytest.raises(ProjectDirectoryNotWritable) as refused:
            create_project(tmp_path / "shop")

        assert str(refused.value) == f"Cannot create a project in {tmp_path}/shop: it is not a directory."

    @pytest.mark.parametrize("moves", range(10))
    def test_leaves_the_folder_as_it_was_when_it_fails_half_way(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: int
    ) -> None:
        (tmp_path / "LICENSE").write_text("mine")
        rename, left = Path.rename, [moves]

        def failing(self: Path, target: Path) -> Path:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(28, "No space left on device")
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", failing)

        with pytest.raises(ProjectDirectoryNotWritable) as refused:
            create_project(tmp_path)
        with pytest.raises(ProjectDirectoryNotWritable):
            create_project(tmp_path / "deep" / "shop")

        assert str(refused.value) == f"Cannot create a project in {tmp_path}: No space left on device."
        assert [path.name for path in tmp_path.iterdir()] == ["LICENSE"]
