"""A project begun from nothing, by whoever has the command."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import PACKAGES, Person, Project, people


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


ALONE = people()[:1]


@pytest.mark.parametrize("nowhere", ALONE, ids=lambda person: person.name, indirect=True)
@pytest.mark.parametrize("options", [("--no-neon",), ("--no-neon", "--no-service")], ids=" ".join)
class TestParts:
    def test_are_left_out_of_a_project_that_works(self, nowhere: Project, options: tuple[str, ...]) -> None:
        nowhere.run("init", "shop", *options)
        shop = shop_in(nowhere)
        up = shop.run("up", "--once")
        tested = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
            cwd=shop.root, env={**os.environ, **PACKAGES}, capture_output=True, text=True, check=False,
        )  # fmt: skip

        serves = "--no-service" not in options
        assert "                3,969 task\n" in up.stdout
        assert ("GET /tasks/1        200" in up.stdout) == serves
        assert "1 passed" in tested.stdout, tested.stdout
        if not serves:
            assert shop.run("serve", code=1).stderr.startswith("SB124 pyproject.toml says service = false")
            shop.run("up")
            assert len(shop.servers()) == 1


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
            f"SB120 No files were changed: {shop} already contains README.md.\n"
            "      Create the project in a new directory: seedbed init PATH. Or write a first table "
            "here; seedbed init then "
            "keeps the existing files and adds what is missing.\n"
        )
        assert readme.read_text() == "mine"
        assert list(shop.iterdir()) == [readme]

    def test_is_offered_where_there_is_no_project(self, nowhere: Project) -> None:
        refused = nowhere.run("up", code=1)

        assert refused.stderr == (
            f"SB101 Not a Seedbed project: no pyproject.toml with a [tool.seedbed] table in {nowhere.root} or its "
            "parents.\n"
            "      Change to your project's directory, name it with --project PATH, or create one: seedbed init PATH\n"
        )
