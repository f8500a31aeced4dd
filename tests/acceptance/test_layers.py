"""The import contract, seen to hold and seen to fail."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = Path(sys.executable).with_name("lint-imports")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(root: Path) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(root / "src")}
    return subprocess.run(
        [LINT, "--no-logo", "--no-cache"], cwd=root, env=environment, capture_output=True, text=True, check=False
    )


class TestLayers:
    def test_are_kept(self, copy: Path) -> None:
        done = lint(copy)

        assert done.returncode == 0, done.stdout

    def test_are_broken_by_an_import_the_wrong_way(self, copy: Path) -> None:
        with (copy / "src/seedbed/settings/database_url.py").open("a") as module:
            module.write("\nimport seedbed.postgres.database\n")

        done = lint(copy)

        assert done.returncode == 1
        assert "seedbed.settings is not allowed to import seedbed.postgres" in done.stdout

    def test_are_broken_by_a_module_that_has_no_place(self, copy: Path) -> None:
        (copy / "src/seedbed/extra.py").write_text('"""Nobody said where this belongs."""\n')

        done = lint(copy)

        assert done.returncode == 1
        assert "extra" in done.stdout
