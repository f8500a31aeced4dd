"""As whom the server runs, and where that account may go."""

import os
from pathlib import Path

import pytest

from seedbed.errors import NoUnprivilegedAccount
from seedbed.postgres.embedded import os_account
from seedbed.postgres.embedded.os_account import OsAccount, choose_server_directory, get_server_account

pytestmark = pytest.mark.unit

STRANGER = OsAccount(uid=54321, gid=54322)


@pytest.fixture
def open_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on whose way only its own mode counts."""
    allowed = {*tmp_path.parents}
    may_pass = OsAccount._may_pass
    monkeypatch.setattr(OsAccount, "_may_pass", lambda self, folder: folder in allowed or may_pass(self, folder))
    tmp_path.chmod(0o755)
    return tmp_path


class TestCanEnter:
    @pytest.mark.parametrize(
        ("mode", "may"), [(0o755, True), (0o711, True), (0o701, True), (0o700, False), (0o770, False), (0o754, False)]
    )
    def test_goes_by_the_mode_of_every_folder_on_the_way(self, open_folder: Path, mode: int, may: bool) -> None:
        inside = open_folder / "home" / "project" / "deeper"
        inside.mkdir(parents=True)

        (open_folder / "home").chmod(mode)

        assert STRANGER.can_enter(inside) is may

    @pytest.mark.parametrize(("mode", "may"), [(0o701, False), (0o710, True), (0o771, True)])
    def test_goes_by_the_groups_bits_for_its_group(self, open_folder: Path, mode: int, may: bool) -> None:
        open_folder.chmod(mode)

        assert OsAccount(uid=54321, gid=open_folder.stat().st_gid).can_enter(open_folder) is may

    @pytest.mark.parametrize(("mode", "may"), [(0o077, False), (0o100, True)])
    def test_goes_by_the_owners_bits_for_the_owner(self, open_folder: Path, mode: int, may: bool) -> None:
        folder = open_folder / "own"
        folder.mkdir()
        folder.chmod(mode)

        may_enter = OsAccount(uid=os.geteuid(), gid=54322).can_enter(folder)

        folder.chmod(0o755)
        assert may_enter is may

    def test_counts_a_folder_that_is_not_there_yet_as_open(self, open_folder: Path) -> None:
        assert STRANGER.can_enter(open_folder / "not" / "yet")

    def test_is_not_asked_of_the_account_that_this_process_runs_as(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o700)

        assert OsAccount().can_enter(tmp_path)


class TestHomeFor:
    def test_is_in_the_project(self, open_folder: Path) -> None:
        assert choose_server_directory(open_folder, STRANGER) == open_folder / ".seedbed"

    def test_is_elsewhere_and_each_projects_own_where_the_account_may_not_enter(self, open_folder: Path) -> None:
        roots = [open_folder / name / "shop" for name in ("one", "other")]
        for root in roots:
            root.mkdir(parents=True)
        open_folder.chmod(0o700)

        homes = [choose_server_directory(root, STRANGER) for root in roots]

        assert len(set(homes)) == 2
        assert {home.parent for home in homes} == {Path("/var/lib/seedbed")}
        assert all(home.name.startswith("shop-") for home in homes)
        assert homes == [choose_server_directory(root, STRANGER) for root in roots]


class TestServerAccount:
    def test_is_this_one_for_an_ordinary_user(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)

        assert get_server_account() == OsAccount()

    def test_is_nobody_for_root(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 0)

        assert get_server_account().uid not in (None, 0)

    def test_has_to_exist(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        monkeypatch.setattr(os_account, "ACCOUNT_NAME", "no-such-account")

        with pytest.raises(NoUnprivilegedAccount) as missing:
            get_server_account()

        assert missing.value.message == (
            "PostgreSQL does not run as root, and this machine has no account 'no-such-account' to run it as."
        )
