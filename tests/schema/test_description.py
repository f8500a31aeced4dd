"""Draw the diagram of a schema, and keep the diagram in the docs current."""

from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from seedbed.cli import root
from seedbed.schema import load_schema
from seedbed.schema.description import describe_tables, draw_mermaid, draw_svg
from seedbed.settings import find_project
from tests.support.projects import little_project

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[2]
DRAWN = ROOT / "docs" / "reference" / "schema.svg"
TABLES = """
class Team(Table, table=True):
    __table_args__ = (UniqueConstraint("name", "town"), CheckConstraint("name <> town"))
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=20)
    town: str | None = Field(default=None, unique=True)
    rival_id: int | None = Field(default=None, foreign_key="team.id")
    captain_id: int | None = Field(default=None, foreign_key="player.id")

class Player(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    team_id: int = Field(foreign_key="team.id", unique=True)
"""


class TestDiagram:
    def test_in_the_docs_is_current(self) -> None:
        drawn = draw_svg(describe_tables(load_schema(find_project(ROOT))))

        assert DRAWN.read_text(encoding="utf-8") == drawn, "seedbed schema diagram -o docs/reference/schema.svg"
        assert "reference/schema.svg" in (ROOT / "README.md").read_text(encoding="utf-8")

    def test_in_the_manual_as_mermaid_is_current(self) -> None:
        page = (ROOT / "docs" / "reference" / "schema.md").read_text(encoding="utf-8")

        assert f"```mermaid\n{draw_mermaid(describe_tables(load_schema(find_project(ROOT))))}```" in page

    def test_shows_cycles_and_self_references(self, tmp_path: Path) -> None:
        with little_project(tmp_path, TABLES) as project:
            tables = describe_tables(project.load_schema())

            drawing = ET.fromstring(draw_svg(tables))

            ways = [part for part in drawing if part.get("class") == "way"]
            assert len(ways) == 3
            assert sorted(draw_mermaid(tables).splitlines()[-3:]) == [
                "    player |o--o{ team : captain_id",
                "    team |o--o{ team : rival_id",
                "    team ||--o| player : team_id",
            ]

    def test_shows_columns_and_constraints(self, tmp_path: Path) -> None:
        with little_project(tmp_path, TABLES):
            displayed = CliRunner().invoke(
                root, ["--project", str(tmp_path), "schema", "show", "team"], catch_exceptions=False
            )

            assert displayed.output == (
                "team\n"
                "  id          integer      not null  key\n"
                "  name        varchar(20)  not null\n"
                "  town        varchar                unique\n"
                "  rival_id    integer                -> team.id\n"
                "  captain_id  integer                -> player.id\n"
                "  check name <> town\n"
                "  unique (name, town)\n"
            )

    def test_shows_no_column_with_a_partial_unique_index_as_unique(self, tmp_path: Path) -> None:
        index = 'Index("live", "name", unique=True, postgresql_where=text("gone IS NULL"))'
        tables = f"""
from sqlalchemy import Index, text

class Team(Table, table=True):
    __table_args__ = ({index},)
    id: int | None = Field(default=None, primary_key=True)
    name: str
    gone: str | None = None
"""
        with little_project(tmp_path, tables) as project:
            (team,) = describe_tables(project.load_schema())

        assert [column.name for column in team.columns if column.unique] == []

    def test_is_checked(self, tmp_path: Path) -> None:
        with little_project(tmp_path, TABLES):
            command = ["--project", str(tmp_path), "schema", "diagram", "-o", str(tmp_path / "docs/tables.svg")]

            before = CliRunner().invoke(root, [*command, "--check"])
            CliRunner().invoke(root, command, catch_exceptions=False)
            after = CliRunner().invoke(root, [*command, "--check"])

            assert (before.exit_code, after.exit_code) == (1, 0)
