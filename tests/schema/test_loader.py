"""Import the project's schema."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from seedbed.errors import SchemaImportFailure, SchemaShadowed, SchemaWithoutTables
from tests.support.projects import Project, little_project

pytestmark = pytest.mark.unit

HERO = """
class Hero(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
"""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[str], Project]]:
    """Write the project of a test."""
    with ExitStack() as stack:
        yield lambda tables: stack.enter_context(little_project(tmp_path, tables))


class TestLoadSchema:
    def test_finds_the_model_of_each_table(self, make: Callable[[str], Project]) -> None:
        project = make(HERO)

        schema = project.load_schema()

        module = sys.modules[project.schema]
        assert schema.metadata is module.metadata
        assert schema.models == {"hero": module.Hero}

    def test_puts_the_project_first_on_the_path(self, make: Callable[[str], Project]) -> None:
        project = make(HERO)
        sys.path.append(str(project.root))

        project.load_schema()

        assert sys.path[0] == str(project.root)

    def test_sorts_parents_first_and_cycles_without_a_warning(self, make: Callable[[str], Project]) -> None:
        project = make(
            """
            class Account(Table, table=True):
                id: int | None = Field(default=None, primary_key=True)
                owner_id: int = Field(foreign_key="person.id")

            class Egg(Table, table=True):
                id: int | None = Field(default=None, primary_key=True)
                hen_id: int = Field(foreign_key="hen.id")

            class Hen(Table, table=True):
                id: int | None = Field(default=None, primary_key=True)
                egg_id: int = Field(foreign_key="egg.id")

            class Person(Table, table=True):
                id: int | None = Field(default=None, primary_key=True)
            """
        )

        tables = [table.key for table in project.load_schema().tables]

        assert sorted(tables) == ["account", "egg", "hen", "person"]
        assert tables.index("person") < tables.index("account")


class TestLoadSchemaRefuses:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("\n1 / 0\n", "line 2: ZeroDivisionError: division by zero"),
            ("\nclass\n", "line 2: SyntaxError: invalid syntax (__init__.py, line 2)"),
            ("\nimport nothing_of_that_name\n", "line 2: ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ],
    )
    def test_a_module_that_raises_and_names_the_line(
        self, make: Callable[[str], Project], text: str, said: str
    ) -> None:
        project = make(HERO)
        project.write(f"{project.schema}/__init__.py", text)

        with pytest.raises(SchemaImportFailure) as error:
            project.load_schema()

        assert error.value.message == f"Importing {project.schema} failed at {project.schema}/__init__.py, {said}"

    def test_a_foreign_key_to_nothing(self, make: Callable[[str], Project]) -> None:
        project = make(HERO + '    team_id: int = Field(foreign_key="teams.id")\n')

        with pytest.raises(SchemaImportFailure) as error:
            project.load_schema()

        assert error.value.message == (
            f"Importing {project.schema} failed at hero.team_id: Foreign key associated with column 'hero.team_id' "
            "could not find table 'teams' with which to generate a foreign key to target column 'id'"
        )

    def test_a_relationship_to_nothing(self, make: Callable[[str], Project]) -> None:
        project = make(HERO + '    teams: list["Team"] = Relationship()\n')
        project.write_seeds("pass")

        done = project.run(
            "seedbed", "seed", "plan", code=1
        )  # in another process: such a model breaks the whole process

        assert done.stderr.startswith(f"SB102 Importing {project.schema} failed at its relationships: ")
        assert "'Team'" in done.stderr

    def test_a_missing_module(self, make: Callable[[str], Project]) -> None:
        project = make(HERO)
        (project.root / project.schema / "__init__.py").unlink()
        (project.root / project.schema).rmdir()

        with pytest.raises(SchemaImportFailure) as error:
            project.load_schema()

        assert error.value.message == (
            f"Importing {project.schema} failed at {project.root}: ModuleNotFoundError: No module named "
            f"'{project.schema}'"
        )

    def test_an_installed_module_of_the_same_name(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with little_project(tmp_path / "mine", HERO) as project:
            other = tmp_path / "installed"
            (other / project.schema).mkdir(parents=True)
            (other / project.schema / "__init__.py").write_text("")
            (project.root / project.schema / "__init__.py").unlink()
            (project.root / project.schema).rmdir()
            monkeypatch.syspath_prepend(str(other))

            with pytest.raises(SchemaShadowed) as error:
                project.load_schema()

        assert error.value.message == (
            f"import {project.schema} finds {other}/{project.schema}/__init__.py, which is not under {project.root}."
        )

    def test_a_module_without_tables(self, make: Callable[[str], Project]) -> None:
        project = make("class Hero(Table):\n    id: int\n")

        with pytest.raises(SchemaWithoutTables):
            project.load_schema()
