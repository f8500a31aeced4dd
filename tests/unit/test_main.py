"""What the command says of what is not its own doing: a full disk, a schema that talks or leaves, a wrong call."""

import errno
import io
import json
import sys
import threading
from pathlib import Path

import pytest

from seedbed.__main__ import main
from seedbed.errors import FileWriteFailure, SchemaImportFailure
from seedbed.schema.stdout_capture import printed_aside
from seedbed.settings.atomic_files import write_whole
from tests.projects import little_project, no_room

TABLES = """
print("printed by the schema")

class Thing(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
"""


class Full(io.StringIO):
    def write(self, _: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


def called(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["seedbed", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


class TestMain:
    def test_says_in_a_line_that_output_has_no_room(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with little_project(tmp_path, TABLES):
            monkeypatch.setattr(sys, "stdout", Full())

            assert called(monkeypatch, "--project", str(tmp_path), "schema", "show", "--json") == 1

        assert json.loads(capsys.readouterr().err.splitlines()[-1])["code"] == "SB125"

    def test_says_a_wrong_call_in_json_where_json_is_asked_for(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert called(monkeypatch, "branch", "nope", "--json") == 2

        said = json.loads(capsys.readouterr().err)
        assert said == {"code": "usage", "message": "No such command 'nope'.", "remedy": "seedbed branch --help"}

    def test_keeps_what_a_schema_prints_out_of_the_result(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        with little_project(tmp_path, TABLES):
            assert called(monkeypatch, "--project", str(tmp_path), "schema", "show", "--json") == 0

        out, err = capsys.readouterr()
        assert [table["name"] for table in json.loads(out)] == ["thing"]
        assert err == "printed by the schema\n"


class TestLoadSchema:
    def test_names_the_line_at_which_a_schema_leaves(self, tmp_path: Path) -> None:
        said = pytest.raises(SchemaImportFailure, match=r", line \d+: SystemExit: set SHOP_KEY")
        with little_project(tmp_path, 'raise SystemExit("set SHOP_KEY")') as project, said:
            project.load_schema()


class TestPrintedAside:
    def test_puts_output_back_when_blocks_of_threads_lie_across_each_other(self) -> None:
        before, inside, over = sys.stdout, threading.Event(), threading.Event()

        def other() -> None:
            with printed_aside():
                inside.set()
                over.wait(60)

        thread = threading.Thread(target=other)
        with printed_aside():
            thread.start()
            assert inside.wait(60)
        assert sys.stdout is sys.stderr
        over.set()
        thread.join()

        assert sys.stdout is before


class TestWriteWhole:
    def test_leaves_what_was_there_when_there_is_no_room(self, tmp_path: Path) -> None:
        file = tmp_path / "head"
        file.write_text("as it was", encoding="utf-8")

        with no_room(), pytest.raises(FileWriteFailure, match="File too large"):
            write_whole(file, "longer than ten bytes")

        assert [(one.name, one.read_text(encoding="utf-8")) for one in tmp_path.iterdir()] == [("head", "as it was")]

    def test_keeps_a_files_mode_and_what_a_link_points_to(self, tmp_path: Path) -> None:
        file, link = tmp_path / "head", tmp_path / "link"
        file.write_text("old", encoding="utf-8")
        file.chmod(0o640)
        link.symlink_to(file)

        write_whole(link, "new")

        assert (link.is_symlink(), file.read_text(encoding="utf-8"), file.stat().st_mode & 0o777) == (
            True,
            "new",
            0o640,
        )
