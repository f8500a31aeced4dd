"""Branches and previews by the installed command: the same on the embedded server and on Neon, which is emulated."""

import json
import os
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from seedbed.branching.local import lookup
from tests.acceptance.conftest import Project, people
from tests.support.emulators import ask, emulated
from tests.support.patience import PATIENCE

PR, BASE = "preview/pr-42", "preview/base"
TOGETHER = int(os.environ.get("TEST_TOGETHER", "4"))
"""How many bring one preview up at once: 10 by hand."""

USERS = 'SELECT count(*) FROM "user"'
USER = """
    INSERT INTO "user" (email, hashed_password, is_active, created_at) VALUES ('{}@example.org', 'x', true, now())
"""

pytestmark = pytest.mark.parametrize("project", people()[:1], ids=lambda person: person.name, indirect=True)


@dataclass(frozen=True)
class Place:
    """Where branches are made: a project, what its commands are given, its database, how a branch is brought to its
    end, and what all branches and databases there are called. `deletes_ended` says that what has ended goes by itself,
    `keeps_parents` that a base that is made anew leaves the old one for its copies.
    """

    name: str
    project: Project
    variables: dict[str, str]
    main: str
    end: Callable[[str], None]
    names: Callable[[], list[str]]
    deletes_ended: bool = False
    keeps_parents: bool = False

    def run(self, *arguments: str, code: int = 0, **more: str) -> "subprocess.CompletedProcess[str]":
        return self.project.run(*arguments, code=code, **{**self.variables, **more})

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json").stdout)

    def url(self, branch: str) -> str:
        return self.run("branch", "url", branch, "--show-password").stdout.strip()

    def branches(self) -> list[str]:
        return [branch["name"] for branch in self.json("branch", "list")]


@contextmanager
def _local(project: Project) -> Iterator[Place]:
    project.run("db", "start")
    main = project.run("db", "url", "--show-password").stdout.strip()
    yield Place("local", project, {}, main, partial(_end_by_comment, main), partial(_databases, main))


@contextmanager
def _neon(project: Project) -> Iterator[Place]:
    with emulated(limit=20) as neon:

        def end(name: str) -> None:
            (branch,) = [one for one in neon.run.cloud.branches.values() if one.name == name]
            branch.expires_at = datetime.now(UTC)

        url = neon.run.database_url()
        yield Place("neon", project, neon.variables, url, end, neon.names, deletes_ended=True, keeps_parents=True)


PLACES: dict[str, Callable[[Project], AbstractContextManager[Place]]] = {"local": _local, "neon": _neon}
"""One for each provider."""


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, project: Project) -> Iterator[Place]:
    """A development database that is migrated, with one user."""
    with PLACES[request.param](project) as place:
        place.run("migrate", "apply")
        ask(place.main, USER.format("ada"))
        yield place


def _end_by_comment(main: str, name: str) -> None:
    """End a branch that is a database, by the comment that says when it ends."""
    database, comment = ask(
        main,
        "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database"
        f" WHERE shobj_description(oid, 'pg_database') LIKE '%{name}%'",
    )[0]
    found = lookup.parse_comment(comment)
    assert found is not None
    ended = lookup.format_comment(replace(found, expires_at=datetime.now(UTC) - timedelta(minutes=1)))
    ask(main, f"COMMENT ON DATABASE {database} IS '{ended}'")


def _databases(main: str) -> list[str]:
    """The databases of a project called seedbed, its branches' included."""
    rows = ask(main, "SELECT datname FROM pg_database WHERE datname ~ '^seedbed_' ORDER BY 1")
    return [name for (name,) in rows]


class TestBranch:
    def test_is_made_listed_compared_reset_and_deleted(self, place: Place) -> None:
        made = place.run("branch", "create", "feature/search", "--lasting", "3d")
        listed = place.run("branch", "list")
        shown = place.json("branch", "show", "feature/search")
        url = place.run("branch", "url", "feature/search").stdout
        same = place.run("branch", "diff", "feature/search")
        again = place.run("branch", "create", "feature/search", code=1)

        assert made.stdout == (
            "Created feature/search, a copy of development, marked development.\n"
            "URL: seedbed branch url feature/search --show-password\n"
        )
        assert re.fullmatch(
            r"NAME            MARK         PARENT       CREATED           EXPIRES\n"
            r"feature/search  development  development  \S+ \S+  \d{4}-\d\d-\d\d \d\d:\d\d\n",
            listed.stdout,
        )
        assert place.run("preview", "list").stdout == "There are no previews.\n"
        assert (shown["environment"], shown["ready"], shown["sealed"]) == ("development", True, False)
        assert ":***@" in url
        assert same.stdout.endswith("Nothing else differs.\n")
        assert again.stderr.startswith("SB501 Branch feature/search already exists, as a copy of development.\n")

        ask(place.url("feature/search"), "CREATE INDEX ix_mine ON task (title)", USER.format("eve"))
        differs = place.run("branch", "diff", "feature/search", code=1)
        place.run("branch", "reset", "feature/search", "--yes", "feature/search")

        assert differs.stdout.splitlines()[1:] == ["  only in feature/search: index ix_mine of task"]
        assert ask(place.url("feature/search"), USERS) == [(1,)]
        assert place.run("branch", "diff", "feature/search").returncode == 0

        place.run("branch", "delete", "feature/search", "--yes", "feature/search")
        gone = place.run("branch", "delete", "feature/search", "--yes", "feature/search", code=1)

        assert gone.stderr.startswith("SB502 There is no branch feature/search.\n")
        assert place.run("branch", "list").stdout == "There are no branches.\n"
        if place.name == "local":
            place.run("branch", "create", "x", "-e", "testing")
            assert place.json("branch", "show", "x", "-e", "testing")["parent"] == "testing"


class TestPreview:
    def test_is_brought_up_from_the_base_and_taken_down(self, place: Place) -> None:
        base = place.run("preview", "base", "--data", "seed")
        first = place.json("preview", "up", PR, "--lasting", "2d", "--show-password")
        ask(first["url"], "DELETE FROM task", 'DELETE FROM "user" WHERE id > 3')
        again = place.json("preview", "up", PR, "--lasting", "5d", "--show-password")

        assert base.stdout.splitlines()[:3] == [
            f"base      {BASE}, new from development",
            "revision  e2be48669f4b",
            "rows      generated by seeds/preview.py",
        ]
        assert (first["created"], first["branch"]["parent"], first["row_source"]) == (True, BASE, "copied")
        assert (again["created"], again["branch"]["parent"], again["row_source"]) == (False, BASE, "kept")
        moved = (datetime.fromisoformat(one["branch"]["expires_at"]) for one in (again, first))
        assert timedelta(days=2, hours=23) < next(moved) - next(moved) < timedelta(days=3, hours=1)
        assert ask(again["direct_url"], USERS) == [(3,)]
        assert ask(again["direct_url"], "SELECT name FROM seedbed.environment") == [("preview",)]
        assert place.run("branch", "diff", PR).returncode == 0
        assert place.branches() == [BASE, PR]

        anew = place.run("preview", "base", "--data", "copy")
        place.run("preview", "up", "preview/pr-43")

        assert anew.stdout.startswith(f"base      {BASE}, recreated from development\n")
        assert ask(place.url("preview/pr-43"), USERS) == [(1,)]
        assert ask(place.url(PR), USERS) == [(3,)]

        others = len(place.names()) - len(place.branches())
        assert others == 1 + place.keeps_parents  # the project's own database, and the old base
        assert place.run("preview", "down", PR).stdout == f"Deleted {PR}.\n"
        assert place.run("preview", "down", PR).stdout == f"There is no preview {PR}.\n"
        assert place.branches() == [BASE, "preview/pr-43"]
        assert len(place.names()) - len(place.branches()) == 1
        assert ask(place.main, USERS) == [(1,)]

    def test_is_collected_when_it_has_ended_or_its_pull_request_is_closed(self, place: Place) -> None:
        for number in (1, 2, 3):
            place.run("preview", "up", f"preview/pr-{number}")
        place.run("branch", "create", "mine")
        (place.project.root / "closed").write_text("#2\n")
        place.end("preview/pr-1")
        if place.deletes_ended:
            while "preview/pr-1" in place.names():
                time.sleep(0.05)

        dry = place.run("preview", "gc", "--closed", "closed")
        still = place.branches()
        done = place.run("preview", "gc", "--closed", "closed", "--delete")
        empty = place.run("preview", "gc", "--open", "/dev/null", "--delete", code=1)

        ended = [] if place.deletes_ended else ["preview/pr-1  {}  expired on " + f"{datetime.now(UTC):%Y-%m-%d}"]
        closed = "preview/pr-2  {}  pull request 2 is closed"
        assert dry.stdout.splitlines() == [line.format("would be deleted") for line in [*ended, closed]]
        assert "preview/pr-2" in still
        assert done.stdout.splitlines() == [line.format("deleted") for line in [*ended, closed]]
        assert empty.stderr.startswith(
            "SB514 /dev/null is not a list of pull requests: it is empty. Nothing was deleted."
        )
        assert place.branches() == ["mine", "preview/pr-3"]

    def test_is_one_when_many_bring_it_up_at_once(self, place: Place) -> None:
        before = place.names()
        processes = [
            place.project.start("preview", "up", PR, "--data", "seed", **place.variables) for _ in range(TOGETHER)
        ]

        said = [process.communicate(timeout=PATIENCE) for process in processes]

        assert [process.returncode for process in processes] == [0] * TOGETHER, said
        assert sum("new copy of development" in out for out, _ in said) == 1
        assert place.branches() == [PR]
        assert len(place.names()) == len(before) + 1
        assert ask(place.url(PR), USERS) == [(50,)]

    def test_bases_that_are_made_at_once_are_one(self, place: Place) -> None:
        place.run("preview", "base", "--data", "copy")
        before = place.names()
        processes = [place.project.start("preview", "base", "--data", "seed", **place.variables) for _ in range(2)]

        said = [process.communicate(timeout=PATIENCE) for process in processes]

        assert [process.returncode for process in processes] == [0, 0], said
        assert place.branches() == [BASE]
        assert len(place.names()) == len(before)
        place.run("preview", "up", PR)
        assert ask(place.url(PR), USERS) == [(50,)]
