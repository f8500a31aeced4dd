"""A project begun from nothing, by whoever has the command."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import Person, Project, people


@pytest.fixture(params=people(), ids=lambda person: person.name)
def nowhere(request: pytest.FixtureRequest) -> Iterator[Project]:
    """A folder of a person's own with no project in it or above it; a project `shop` in it is put away afterwards."""
    person: Person = request.param
    folder = Path(tempfile.mkdtemp(prefix="seedbed acceptance é-"))
    folder.chmod(0o755)
    os.chown(folder, person.uid, person.gid)
    outside = Project(folder, person, person.command())
    yield outside
    if outside.servers():
        shop_in(outside).run("db", "stop")
    shutil.rmtree(folder)


def shop_in(outside: Project) -> Project:
    return Project(outside.root / "shop", outside.person, outside.command)


class TestInit:
    def test_begins_one_where_the_person_is(self, nowhere: Project) -> None:
        (nowhere.root / "shop").mkdir()
        os.chown(nowhere.root / "shop", nowhere.person.uid, nowhere.person.gid)
        shop = shop_in(nowhere)

        begun = shop.json("init")

        assert begun["name"] == "shop"
        assert shop.run("config").returncode == 0

    def test_is_refused_by_a_folder_that_has_such_files(self, nowhere: Project) -> None:
        shop, readme = nowhere.root / "shop", nowhere.root / "shop" / "README.md"
        shop.mkdir()
        readme.write_text("mine")

        refused = nowhere.run("init", "shop", code=1)

        assert refused.stdout == ""
        assert refused.stderr == (
            f"SB120 {shop} has README.md already, and nothing of yours is overwritten: nothing was written.\n"
            "      Begin in a new folder: seedbed init PATH\n"
        )
        assert readme.read_text() == "mine"
        assert list(shop.iterdir()) == [readme]

    def test_is_offered_where_there_is_no_project(self, nowhere: Project) -> None:
        refused = nowhere.run("up", code=1)

        assert refused.stderr == (
            f"SB101 Neither {nowhere.root} nor a folder above it has a pyproject.toml with a [tool.seedbed] table.\n"
            "      Change to your project's folder, name it by --project PATH, or begin one: seedbed init PATH\n"
        )
