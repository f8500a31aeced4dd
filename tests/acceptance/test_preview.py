"""A branch and a preview, as they are typed and as they are killed."""

import random
import re
import time

import pytest

from tests.acceptance.conftest import Project, kill, people

KILLS = 3
SERVER = r"postgresql://seedbed_owner:\*\*\*@127\.0\.0\.1:\d+"
COUNT = "SELECT count(*) FROM pg_database WHERE datname ~ '^seedbed_(preview|building)'"

once = pytest.mark.parametrize("project", people()[:1], ids=lambda person: person.name, indirect=True)
"""What does not depend on who runs it is run by one."""


class TestBranch:
    def test_is_made_listed_and_deleted(self, project: Project) -> None:
        made = project.run("branch", "create", "scratch")
        listed = project.run("branch", "list")
        url = project.run("branch", "url", "scratch")
        asked = project.run("branch", "delete", "scratch", code=1)
        deleted = project.run("branch", "delete", "scratch", "--yes", "scratch")
        again = project.run("branch", "list")

        assert made.stdout == (
            "scratch is a copy of development, marked development. Its address: seedbed branch url scratch\n"
        )
        assert re.fullmatch(r"scratch  development  from development  \d{4}-\d\d-\d\d \d\d:\d\d\n", listed.stdout)
        assert re.fullmatch(
            r"postgresql://seedbed_owner:\*\*\*@127\.0\.0\.1:\d+/seedbed_scratch\?sslmode=disable\n", url.stdout
        )
        assert asked.stderr == (
            "SB313 scratch was not deleted: its name was not given.\n      Type the name when asked, or pass --yes scratch\n"
        )
        assert deleted.stdout == "scratch is deleted.\n"
        assert again.stdout == "There are no branches.\n"


class TestPreview:
    def test_is_brought_up_brought_up_again_and_taken_down(self, project: Project) -> None:
        first = project.run("preview", "up", "preview/pr-42")
        again = project.run("preview", "up", "preview/pr-42", "--show-password")
        facts = project.json("preview", "up", "preview/pr-42")
        down = project.run("preview", "down", "preview/pr-42")
        nothing = project.run("preview", "down", "preview/pr-42")

        *said, until, url = first.stdout.splitlines()
        assert re.fullmatch(r"until    \d{4}-\d\d-\d\d \d\d:\d\d", until)
        assert said == [
            "preview  preview/pr-42, a new copy of development",
            "applied  e2be48669f4b Create user and task",
            "rows     made by seeds/preview.py",
            "                50 user",
            "               464 task",
            "schema   matches the models",
        ]
        assert re.fullmatch(
            r"url      postgresql://seedbed_owner:\*\*\*@127\.0\.0\.1:\d+/seedbed_preview_pr_42_2ffcc8e6\?sslmode=disable",
            url,
        )
        *said, _, url = again.stdout.splitlines()
        assert said == [
            "preview  preview/pr-42, was there already, a copy of development",
            "applied  nothing new; at e2be48669f4b",
            "rows     kept as they were",
            "schema   matches the models",
        ]
        assert "***" not in url
        assert facts["branch"]["environment"] == "preview"
        assert "***" in facts["url"]
        assert down.stdout == "preview/pr-42 is deleted.\n"
        assert nothing.stdout == "There is no preview preview/pr-42.\n"

    @once
    def test_comes_up_after_kills_at_any_moment(self, project: Project) -> None:
        project.run("db", "start")
        moments = random.Random(project.person.uid)
        for _ in range(KILLS):
            process = project.start("preview", "up", "preview/pr-42")
            time.sleep(moments.uniform(0.2, 2.0))
            kill(process)

        project.run("preview", "up", "preview/pr-42")

        assert project.rows(COUNT) == "1"
        assert project.json("branch", "list")[0]["ready"] is True
