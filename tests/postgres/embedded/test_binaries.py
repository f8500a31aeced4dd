"""A PostgreSQL found by what a folder holds."""

import sys
from pathlib import Path

import pytest

from seedbed.errors import PostgresBinariesNotFound
from seedbed.postgres.embedded import Binaries, binaries, find_binaries

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _nothing_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without a PostgreSQL."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(binaries, "_PACKAGES", (("seedbed_no_such_package", "bin"),))
    monkeypatch.setattr(binaries, "_COMMON_DIRECTORIES", (str(tmp_path / "usual" / "*" / "bin"),))


def put(folder: Path, version: str = "18.6", names: tuple[str, ...] = ("initdb", "pg_ctl", "postgres")) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text(f'#!/bin/sh\necho "{name} (PostgreSQL) {version} (Made by hand)"\n')
        (folder / name).chmod(0o755)
    return folder


class TestFindBinaries:
    def test_names_every_place_where_there_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(PostgresBinariesNotFound) as missing:
            find_binaries()

        assert missing.value.message == (
            "No PostgreSQL was found. Looked for initdb, pg_ctl and postgres in: the Python package "
            "seedbed-no-such-package; the folder of pg_ctl on PATH; pg_config --bindir; "
            f"{tmp_path / 'usual' / '*' / 'bin'}."
        )
        assert missing.value.remedy == ("pip install 'seedbed[embedded]', or set DATABASE_URL to a running server.")

    def test_takes_a_package_before_path_before_pg_config_before_the_usual_folders(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        put(tmp_path / "usual" / "9" / "bin", "15.9")
        usual = put(tmp_path / "usual" / "15" / "bin", "15.2")
        assert find_binaries() == Binaries(usual, "15.2", str(usual))

        configured = put(tmp_path / "configured", "16.1")
        (tmp_path / "empty").mkdir()
        (tmp_path / "empty" / "pg_config").write_text(f"#!/bin/sh\necho {configured}\n")
        (tmp_path / "empty" / "pg_config").chmod(0o755)
        assert find_binaries() == Binaries(configured, "16.1", "pg_config --bindir")

        linked = put(tmp_path / "on path", "17.0")
        (tmp_path / "empty" / "pg_ctl").symlink_to(linked / "pg_ctl")
        assert find_binaries() == Binaries(linked, "17.0", "the folder of pg_ctl on PATH")

        packaged = put(tmp_path / "seedbed_a_package" / "bin", "18.6")
        monkeypatch.setattr(binaries, "_PACKAGES", (("seedbed_a_package", "bin"),))
        monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
        assert find_binaries() == Binaries(packaged, "18.6", "the Python package seedbed-a-package")

    def test_passes_over_one_that_is_not_whole_or_does_not_run(self, tmp_path: Path) -> None:
        put(tmp_path / "usual" / "18" / "bin", names=("pg_ctl", "postgres"))
        broken = put(tmp_path / "usual" / "17" / "bin")
        (broken / "postgres").write_text("#!/bin/sh\nexit 127\n")
        silent = put(tmp_path / "usual" / "16" / "bin")
        (silent / "postgres").chmod(0o644)
        whole = put(tmp_path / "usual" / "15" / "bin", "15.2")

        assert find_binaries().directory == whole

    def test_passes_over_one_that_is_too_old(self, tmp_path: Path) -> None:
        old = put(tmp_path / "usual" / "13" / "bin", "13.22")

        with pytest.raises(PostgresBinariesNotFound) as missing:
            find_binaries()

        assert f"{old} (only 13.22; 14 is the oldest that will do)" in missing.value.message

    def test_never_runs_what_lies_in_the_working_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        put(tmp_path / "project" / "bin")
        put(tmp_path / "project" / "pginstall" / "bin")
        monkeypatch.chdir(tmp_path / "project")

        with pytest.raises(PostgresBinariesNotFound):
            find_binaries()

    @pytest.mark.parametrize(
        ("version", "major"), [("18.6", 18), ("15.18", 15), ("19beta1", 19), ("19devel", 19), ("14.0", 14)]
    )
    def test_reads_the_major_version(self, tmp_path: Path, version: str, major: int) -> None:
        folder = put(tmp_path / "bin", version)

        found = Binaries.from_directory(folder, "here")

        assert found is not None
        assert found.major_version == major
