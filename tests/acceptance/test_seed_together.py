"""Seeds loaded by several commands that were started together."""

import pytest

from tests.acceptance.conftest import Project, people
from tests.support.patience import PATIENCE

TOGETHER = 3

once = pytest.mark.parametrize("project", people()[:1], ids=lambda person: person.name, indirect=True)
"""What does not depend on who runs it is run by one."""


class TestSeedRun:
    @once
    def test_loads_once_when_many_are_started_together(self, project: Project) -> None:
        project.run("migrate", "apply")
        processes = [project.start("seed", "run") for _ in range(TOGETHER)]

        said = [process.communicate(timeout=PATIENCE) for process in processes]

        assert [process.returncode for process in processes] == [0] * TOGETHER, said
        assert [out for out, _ in said].count(
            "Nothing to do: these seeds are already loaded. Reload with --fresh.\n"
        ) == TOGETHER - 1
        assert project.rows('SELECT (SELECT count(*) FROM "user"), (SELECT count(*) FROM task)') == "200|3969"
