"""The command line reports failures from outside: a full disk, a schema that prints or exits, a usage error."""

import errno
import io
import json
import sys
import threading
from pathlib import Path

import pytest

from seedbed.__main__ import main
from seedbed.errors import FileWriteFailure, SchemaImportFailure
from seedbed.schema.loader import redirect_stdout_to_stderr
from seedbed.settings.atomic_files import write_atomically
from tests.support.patience import PATIENCE
from tests.support.projects import little_project, no_room

pytestmark = pytest.mark.unit

TABLES = """
print("printed by the schema")

class Thing(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
"""


class FullOutput(io.StringIO):
    def write(self, _: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def run_main(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["seedbed", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


class TestMain:
    def test_full_standard_output_is_reported_in_one_line(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with little_project(tmp_path, TABLES):
            monkeypatch.setattr(sys, "stdout", FullOutput())

            assert run_main(monkeypatch, "--project", str(tmp_path), "schema", "show", "--json") == 1

        assert json.loads(capsys.readouterr().err.splitlines()[-1])["code"] == "SB125"

    def test_usage_error_is_json_with_the_json_option(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run_main(monkeypatch, "branch", "nope", "--json") == 2

        error = json.loads(capsys.readouterr().err)
        assert error == {"code": "usage", "message": "No such command 'nope'.", "remedy": "seedbed branch --help"}

    def test_output_printed_by_the_schema_goes_to_standard_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with little_project(tmp_path, TABLES):
            assert run_main(monkeypatch, "--project", str(tmp_path), "schema", "show", "--json") == 0

        out, err = capsys.readouterr()
        assert [table["name"] for table in json.loads(out)] == ["thing"]
        assert err == "printed by the schema\n"


class TestLoadSchema:
    def test_error_names_the_line_at_which_the_schema_exits(self, tmp_path: Path) -> None:
        failure = pytest.raises(SchemaImportFailure, match=r", line \d+: SystemExit: set SHOP_KEY")
        with little_project(tmp_path, 'raise SystemExit("set SHOP_KEY")') as project, failure:
            project.load_schema()


class TestPrintedAside:
    def test_output_is_restored_after_overlapping_blocks_of_two_threads(self) -> None:
        stdout, entered, released = sys.stdout, threading.Event(), threading.Event()

        def capture_in_thread() -> None:
            with redirect_stdout_to_stderr():
                entered.set()
                released.wait(PATIENCE)

        thread = threading.Thread(target=capture_in_thread)
        with redirect_stdout_to_stderr():
            thread.start()
            assert entered.wait(PATIENCE)
        assert sys.stdout is sys.stderr
        released.set()
        thread.join()

        assert sys.stdout is stdout


class TestWriteWhole:
    def test_old_content_stays_when_the_disk_is_full(self, tmp_path: Path) -> None:
        file = tmp_path / "head"
        file.write_text("as it was", encoding="utf-8")

        with no_room(), pytest.raises(FileWriteFailure, match="File too large"):
            write_atomically(file, "longer than ten bytes")

        assert [(path.name, path.read_text(encoding="utf-8")) for path in tmp_path.iterdir()] == [("head", "as it was")]

    def test_file_mode_and_symlink_target_are_kept(self, tmp_path: Path) -> None:
        file, link = tmp_path / "head", tmp_path / "link"
        file.write_text("old", encoding="utf-8")
        file.chmod(0o640)
        link.symlink_to(file)

        write_atomically(link, "new")

        assert (link.is_symlink(), file.read_text(encoding="utf-8"), file.stat().st_mode & 0o777) == (
            True,
            "new",
            0o640,
        )
