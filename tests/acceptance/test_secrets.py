"""The installed command with a password it cannot use, in Python's development mode and with asyncio's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.leaking import CLOSED, EVERY_SIGN, MISSPELT, PLACES, shown, write_project


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("secrets"), "secretive")


class TestInstalledCommand:
    @pytest.mark.parametrize(
        ("command", "place"),
        [
            (["config"], PLACES["sslpassword="]),
            (["serve"], MISSPELT["pasword="]),
            (["migrate", "apply", "--json"], PLACES["userinfo"]),
            (["up"], PLACES["password="]),
        ],
        ids=["config", "serve", "migrate apply", "up"],
    )
    def test_shows_no_password_even_in_development_mode(self, root: Path, command: list[str], place: str) -> None:
        variables = {"DATABASE_URL": place.format(EVERY_SIGN, CLOSED), "PYTHONASYNCIODEBUG": "1"}

        done = subprocess.run(
            [sys.executable, "-X", "dev", "-m", "seedbed", *command],
            cwd=root,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == (0 if command == ["config"] else 1), done.stderr
        assert "Traceback" not in done.stderr
        assert shown(done.stdout + done.stderr, EVERY_SIGN) == set()
