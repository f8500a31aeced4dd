"""Where the project's server and its programs are: odd paths, homes nobody may enter, folders of other people."""

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from seedbed.errors import DataDirectoryNotWritable
from seedbed.postgres.database import resolve_database
from seedbed.postgres.embedded import Binaries, EmbeddedServer, find_binaries, os_account
from seedbed.postgres.embedded import binaries as binaries_module
from seedbed.postgres.embedded import project_server as server_module
from seedbed.postgres.embedded.binaries import ensure_runnable
from seedbed.postgres.embedded.os_account import OsAccount
from seedbed.settings import find_project, load_configuration
from tests.conftest import OWNER, copy_home
from tests.support.postgres.processes import SERVER, User, nobody, users
from tests.support.projects import execute

pytestmark = pytest.mark.slow

PROJECT = '[project]\nname = "shop"\n[tool.seedbed]\n'
IS_ROOT = os.geteuid() == 0


@pytest.fixture
def install(folder: Path) -> Callable[[Path], Binaries]:
    """Puts the programs somewhere else, in the layout that pip gives them."""

    def copy(target: Path) -> Binaries:
        packages = target / "lib" / "site-packages"
        packages.mkdir(parents=True)
        package = find_binaries().directory.parent.parent
        for part in (package, package.with_name(f"{package.name}.libs")):
            subprocess.run(["cp", "-a", part, packages], check=True)
        found = Binaries.from_directory(packages / package.name / "pginstall" / "bin", "the test's package")
        assert found is not None
        return found

    return copy


@pytest.fixture
def own_places(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The machine's folders that root's server uses, in the test's own."""
    places = folder.with_name("seedbed-test-places-" + folder.name[-8:])
    monkeypatch.setattr(os_account, "_STATE_DIRECTORY", places / "lib")
    monkeypatch.setattr(binaries_module, "_SHARED_CACHE", places / "cache")
    monkeypatch.setenv("XDG_CACHE_HOME", str(places / "own"))
    return places


@pytest.fixture(autouse=True)
def _removed(own_places: Path) -> object:
    yield
    subprocess.run(["rm", "-rf", own_places], check=True)


def modes(folder: Path) -> dict[Path, str]:
    """Every mode from the root of the file system to the leaves."""
    return {path: stat.filemode(path.lstat().st_mode) for path in (*folder.parents, folder, *folder.rglob("*"))}


class TestProject:
    def test_in_a_home_that_nobody_may_enter_is_left_as_it_is(
        self, folder: Path, own_places: Path, install: Callable[[Path], Binaries], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        home = folder / "home"
        root = home / "shop"
        root.mkdir(parents=True)
        (root / "pyproject.toml").write_text(PROJECT)
        binaries = install(home / "venv")
        subprocess.run(["chmod", "-R", "go=", home], check=True)
        monkeypatch.setattr(server_module, "find_binaries", lambda: binaries)
        before = modes(home)

        database = resolve_database(load_configuration(find_project(root), environ={}))

        after = modes(home)
        assert database.server is not None
        shown = execute(database.server.admin_url(), "SHOW data_directory")
        database.server.stop()
        assert {path: mode for path, mode in after.items() if path in before} == before
        if IS_ROOT:
            assert set(after) == set(before)
            assert Path(shown[0][0]).parent.parent == own_places / "lib"
        else:
            assert Path(shown[0][0]) == root / ".seedbed" / "data"

    def test_names_another_folder_for_its_server_where_seedbed_data_dir_does(self, folder: Path) -> None:
        (folder / "pyproject.toml").write_text(PROJECT)
        (folder / "inside").mkdir()
        configuration = load_configuration(
            find_project(folder / "inside"), environ={"SEEDBED_DATA_DIR": "data/postgres"}
        )

        database = resolve_database(configuration)

        assert database.server is not None
        assert database.server.directory == folder / "data" / "postgres"
        assert database.server.stop()
        assert not (folder / ".seedbed").exists()


class TestPrograms:
    @pytest.mark.parametrize("user", users(), ids=lambda user: user.name)
    def test_run_from_a_path_that_a_shell_would_misread(
        self, folder: Path, own_places: Path, install: Callable[[Path], Binaries], user: User
    ) -> None:
        binaries = install(folder / "venv `touch pwned` \\ é")
        own_places.mkdir()
        os.chown(own_places, user.uid, user.gid)
        os.chown(folder, user.uid, user.gid)

        said = user.run(
            f"""{SERVER}
from seedbed.postgres.embedded import Binaries, binaries, project_server as module
binaries._SHARED_CACHE = Path(sys.argv[3]) / "cache"
module.find_binaries = lambda: Binaries.from_directory(Path(sys.argv[2]), "the test's package")
server.ensure_running()
print(server.ensure_database("shop").name)
server.stop()
""",
            folder / "home",
            binaries.directory,
            own_places,
            XDG_CACHE_HOME=str(own_places / "own"),
        )

        assert said == "shop"
        copied = list(own_places.rglob(f"postgres-{binaries.version}-*"))
        assert [path.name.endswith(".new") for path in copied] == [False]

    def test_are_copied_once(self, folder: Path, install: Callable[[Path], Binaries]) -> None:
        binaries = install(folder / "venv")

        first = ensure_runnable(os_account.get_server_account(), binaries)
        before = first.program_path("postgres").stat()
        second = ensure_runnable(os_account.get_server_account(), binaries)

        assert second == first
        assert second.program_path("postgres").stat() == before

    def test_are_copied_again_after_another_install(self, folder: Path, install: Callable[[Path], Binaries]) -> None:
        binaries = install(folder / "venv")
        first = ensure_runnable(os_account.get_server_account(), binaries)

        os.utime(binaries.program_path("postgres"), (1, 1))

        assert ensure_runnable(os_account.get_server_account(), binaries).directory != first.directory

    def test_are_copied_whole_after_a_kill_in_the_middle(
        self, folder: Path, install: Callable[[Path], Binaries]
    ) -> None:
        binaries = install(folder / "venv")
        target = ensure_runnable(os_account.get_server_account(), binaries).directory.parents[2]
        target.rename(target.with_name(f"{target.name}.new"))
        (target.with_name(f"{target.name}.new") / binaries.directory.parents[1].name / "half").touch()

        found = ensure_runnable(os_account.get_server_account(), binaries)

        assert found.program_path("initdb").is_file()
        assert not (found.directory.parents[1] / "half").exists()

    def test_want_a_plain_path_to_be_copied_to(
        self, folder: Path, install: Callable[[Path], Binaries], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        binaries = install(folder / "venv")
        monkeypatch.setattr(binaries_module, "_SHARED_CACHE", folder / "cache")
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder))

        with pytest.raises(DataDirectoryNotWritable, match=r'initdb runs from no path with " \$ ` or \\ in it'):
            ensure_runnable(os_account.get_server_account(), binaries)

    def test_are_left_as_they_were_installed(
        self, folder: Path, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        package = find_binaries().directory.parents[1]
        before = {path: path.lstat().st_mtime_ns for path in package.rglob("*")}

        server.ensure_running()
        server.ensure_database("shop")

        assert {path: path.lstat().st_mtime_ns for path in package.rglob("*")} == before


class TestFolder:
    def test_that_was_there_keeps_its_mode(self, folder: Path) -> None:
        given = folder / "given"
        given.mkdir(mode=0o755)

        EmbeddedServer(given, OWNER).ensure_running()

        assert EmbeddedServer(given, OWNER).stop()
        assert stat.filemode(given.stat().st_mode) == "drwxr-xr-x"
        assert not (given / ".gitignore").exists()

    def test_is_made_so_that_others_pass_through_and_see_nothing(self, folder: Path) -> None:
        before = os.umask(0o077)
        try:
            EmbeddedServer(folder / "above" / "given", OWNER).ensure_running()
        finally:
            os.umask(before)

        assert EmbeddedServer(folder / "above" / "given", OWNER).stop()
        assert {stat.filemode((folder / name).stat().st_mode) for name in ("above", "above/given")} == {"drwx--x--x"}

    def test_with_data_that_seedbed_did_not_make_is_refused(
        self, folder: Path, pristine: Callable[[Binaries], Path]
    ) -> None:
        given = folder / "usr-local-pgsql"
        copy_home(pristine(find_binaries()), given)
        for name in ("lock", "server.json"):
            (given / name).unlink()

        with pytest.raises(DataDirectoryNotWritable) as refused:
            EmbeddedServer(given, OWNER).ensure_running()

        assert refused.value.message == (
            f"The embedded server's directory {given} cannot be used: "
            "it has a folder named data that Seedbed did not make."
        )
        assert refused.value.remedy == "Set SEEDBED_DATA_DIR to a writable directory."
        assert sorted(path.name for path in given.iterdir()) == [".gitignore", "data"]

    def test_that_is_a_file_is_refused(self, folder: Path) -> None:
        (folder / "file").touch()

        with pytest.raises(DataDirectoryNotWritable, match="cannot be used: Not a directory"):
            EmbeddedServer(folder / "file", OWNER).ensure_running()

    def test_of_another_user_is_refused_to_start(self, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
        owner = (server.directory / "server.json").owner()

        with monkeypatch.context() as other:
            other.setattr(os, "geteuid", lambda: 12345)
            with pytest.raises(DataDirectoryNotWritable, match=f"it belongs to the user {owner}"):
                server.start()

        assert not server.read_status().running

    def test_of_another_user_is_refused_to_read(self, server: EmbeddedServer) -> None:
        if not IS_ROOT:
            (server.directory / "server.json").chmod(0)

        code = f"{SERVER}\nfrom seedbed.errors import DataDirectoryNotWritable\ntry: server.ensure_running()\n"
        code += "except DataDirectoryNotWritable as error: print(error.message)"
        said = (nobody() if IS_ROOT else users()[0]).run(code, server.directory)

        (server.directory / "server.json").chmod(0o600)
        assert said == (
            f"The embedded server's directory {server.directory} cannot be used: it belongs to another user."
        )

    def test_that_cannot_be_written_is_refused(self, folder: Path) -> None:
        code = f"{SERVER}\nfrom seedbed.errors import DataDirectoryNotWritable\ntry: server.ensure_running()\n"
        code += "except DataDirectoryNotWritable as error: print(error.message)"
        folder.chmod(0o555)

        said = (nobody() if IS_ROOT else users()[0]).run(code, folder / "home")

        folder.chmod(0o755)
        assert said == f"The embedded server's directory {folder / 'home'} cannot be used: Permission denied."

    def test_that_the_servers_account_may_not_enter_is_refused(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        closed = folder / "closed"
        closed.mkdir(mode=0o700)
        stranger = OsAccount(12345, 12345)
        monkeypatch.setattr(server_module, "get_server_account", lambda: stranger)

        with pytest.raises(DataDirectoryNotWritable, match="which runs PostgreSQL for root, may not enter it"):
            EmbeddedServer(closed / "home", OWNER).ensure_running()

        assert stat.filemode(closed.stat().st_mode) == "drwx------"
