"""What is written down of a server."""

import json
import os
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from seedbed.errors import DataDirectoryNotWritable
from seedbed.postgres.embedded.state_files import Holder, ServerState, read_state, write_state

pytestmark = pytest.mark.unit


class TestState:
    def test_comes_back_as_it_was_written(self, tmp_path: Path) -> None:
        state = replace(ServerState.generate(), port=54321, pinned=True).with_holders(
            Holder(1, 2.5), Holder.this_process("up")
        )

        write_state(tmp_path, state)

        assert read_state(tmp_path) == state

    def test_has_each_fact_under_a_key_of_its_own(self, tmp_path: Path) -> None:
        write_state(tmp_path, ServerState("a", "b", 5432, pinned=True, holders=(Holder(1, 2.5, "up"),)))

        assert (tmp_path / "server.json").read_text() == (
            '{"superuser_password": "a", "owner_password": "b", "port": 5432, "pinned": true,'
            ' "holders": [{"pid": 1, "started": 2.5, "token": "up"}]}'
        )

    def test_may_lack_a_port_and_holders_a_token(self, tmp_path: Path) -> None:
        text = '{"superuser_password": "a", "owner_password": "b", "holders": [{"pid": 1, "started": 2.5}]}'
        (tmp_path / "server.json").write_text(text)

        assert read_state(tmp_path) == ServerState("a", "b", holders=(Holder(1, 2.5),))

    def test_is_for_its_owner_alone_whatever_the_umask(self, tmp_path: Path) -> None:
        before = os.umask(0)
        try:
            write_state(tmp_path, ServerState.generate())
        finally:
            os.umask(before)

        assert stat.filemode((tmp_path / "server.json").stat().st_mode) == "-rw-------"
        assert [path.name for path in tmp_path.iterdir()] == ["server.json"]

    def test_shows_no_password(self) -> None:
        state = ServerState.generate()

        assert state.superuser_password not in repr(state)
        assert state.owner_password not in repr(state)
        assert len({state.superuser_password, state.owner_password, ServerState.generate().owner_password}) == 3

    @pytest.mark.parametrize(
        "text", ["", "{", "[]", "null", "{}", '{"holders": []}', '{"holders": [{"pid": 1}]}', "\0"]
    )
    def test_that_is_torn_is_as_good_as_none(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "server.json").write_text(text)

        assert read_state(tmp_path) is None

    def test_that_a_later_version_wrote_is_as_good_as_none(self, tmp_path: Path) -> None:
        write_state(tmp_path, ServerState.generate())
        raw = json.loads((tmp_path / "server.json").read_text())
        (tmp_path / "server.json").write_text(json.dumps({**raw, "colour": "red"}))

        assert read_state(tmp_path) is None

    def test_is_none_where_there_is_no_folder(self, tmp_path: Path) -> None:
        assert read_state(tmp_path / "nowhere") is None

    def test_of_a_folder_that_is_a_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        with pytest.raises(DataDirectoryNotWritable, match="Not a directory"):
            read_state(tmp_path / "file")


class TestHolder:
    def test_is_alive_while_its_process_is(self) -> None:
        assert Holder.this_process().is_alive

    def test_is_dead_when_its_process_id_belongs_to_a_later_process(self) -> None:
        me = Holder.this_process()

        assert not replace(me, started=me.started - 60).is_alive

    def test_is_dead_when_its_process_has_ended(self) -> None:
        process = subprocess.Popen([sys.executable, "-c", ""])
        holder = replace(Holder.this_process(), pid=process.pid)

        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        as_zombie = holder.is_alive
        process.wait()

        assert (as_zombie, holder.is_alive) == (False, False)
