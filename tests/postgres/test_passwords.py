"""Passwords with every sign: they log in by every way, and where they do not, nothing shows them."""

import asyncio
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import psycopg2
import pytest
from psycopg2 import sql

from seedbed.postgres.connection import open_connection
from seedbed.postgres.database import resolve_database
from seedbed.postgres.embedded import TemporaryServer, run_temporary_server
from seedbed.settings import DatabaseUrl, Project, find_project, load_configuration, parse_url
from tests.support.leaking import COMMANDS, EVERY_SIGN, PASSWORDS, PLACES, every_log, forms, shown, tell, write_project
from tests.support.postgres.services import app_for

pytestmark = pytest.mark.slow

LOGINS = [PLACES["userinfo"], PLACES["password="], PLACES["password= between"]]
LINES = {
    "as it is": "DATABASE_URL={}",
    "in single quotes": "DATABASE_URL='{}'",
    "in double quotes": 'DATABASE_URL="{}"',
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_project(tmp_path_factory.mktemp("passwords"), "passworded")


@pytest.fixture(scope="module")
def server() -> Iterator[TemporaryServer]:
    """One of its own, since the role has one name for all who run tests at once."""
    with run_temporary_server() as server:
        yield server


@pytest.fixture(scope="module")
def place(server: TemporaryServer) -> str:
    return f"127.0.0.1:{server.port}/postgres"


@pytest.fixture(scope="module", params=[*PASSWORDS, 'it\'s "quoted" \\ back', "ключ %41&=/?:"])
def password(request: pytest.FixtureRequest, server: TemporaryServer) -> Iterator[str]:
    """The password of the role `app`, which exists for the length of a test's parameter."""
    chosen: str = request.param
    arguments: dict[str, Any] = {**server.url().connect_arguments()}
    connection = psycopg2.connect(**arguments)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("DROP ROLE IF EXISTS app")
        cursor.execute(sql.SQL("CREATE ROLE app LOGIN PASSWORD {}").format(sql.Literal(chosen)))
        yield chosen
        cursor.execute("DROP ROLE app")
    connection.close()


def users(url: DatabaseUrl) -> tuple[object, object]:
    """Whom each driver logs in as."""
    arguments: dict[str, Any] = {**url.connect_arguments()}
    with psycopg.connect(**arguments) as three:
        third = three.execute("SELECT current_user").fetchone()
    two = psycopg2.connect(**arguments)
    with two.cursor() as cursor:
        cursor.execute("SELECT current_user")
        second = cursor.fetchone()
    two.close()
    return second, third


def pastes(password: str) -> bool:
    """Whether a password can be pasted as it is: it has nothing that ends it, or that says another sign."""
    return not set("/?&\\\"'") & set(password)


class TestPassword:
    @pytest.mark.parametrize("written", LOGINS, ids=["userinfo", "query", "in the query"])
    def test_logs_in_through_both_drivers(self, place: str, password: str, written: str) -> None:
        for form in forms(password) if pastes(password) else forms(password)[:1]:
            url = parse_url(written.format(form, place))

            assert users(url) == (("app",), ("app",))
            assert users(parse_url(url.reveal())) == (("app",), ("app",))

    @pytest.mark.parametrize("line", LINES.values(), ids=LINES)
    def test_logs_in_from_a_file(self, tmp_path: Path, place: str, password: str, line: str) -> None:
        encoded, raw = forms(password)
        quoted = line.count("{}") == 1 and line[-1] != "}"
        for form in [encoded, raw] if quoted and pastes(password) else [encoded]:
            (tmp_path / ".env").write_text(line.format(LOGINS[0].format(form, place)) + "\n")

            configuration = load_configuration(Project(root=tmp_path, name="shop"), environ={})

            connection = open_connection(resolve_database(configuration))
            assert connection.info.user == "app"
            connection.close()

    @pytest.mark.parametrize("written", LOGINS, ids=["userinfo", "query", "in the query"])
    def test_logs_a_command_in_from_the_process(self, root: Path, place: str, password: str, written: str) -> None:
        told = tell(root, ["db", "status"], {"DATABASE_URL": written.format(forms(password)[0], place)})

        assert "running      yes" in told.text
        assert shown(told.text, password) == set()


class TestCommands:
    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    @pytest.mark.parametrize("written", PLACES.values(), ids=PLACES)
    def test_show_no_password_that_the_server_refuses(
        self, root: Path, place: str, command: list[str], written: str
    ) -> None:
        for form in forms(EVERY_SIGN):
            told = tell(root, command, {"DATABASE_URL": written.format(form, place)})

            assert told.code in {0, 1}
            assert shown(told.text, EVERY_SIGN) == set(), told.text

    @pytest.mark.parametrize("password", PASSWORDS)
    def test_say_that_the_login_was_refused(self, root: Path, place: str, password: str) -> None:
        password = f"no{password}"  # the role may be there, and have the other
        for written in LOGINS:
            told = tell(root, ["migrate", "apply"], {"DATABASE_URL": written.format(forms(password)[0], place)})

            assert told.code == 1
            assert "SB305" in told.text
            assert shown(told.text, password) == set(), told.text

    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    def test_show_no_password_where_there_is_no_such_database(
        self, root: Path, server: TemporaryServer, command: list[str]
    ) -> None:
        url = server.url("no_such_database")

        told = tell(root, command, {"DATABASE_URL": url.reveal()})

        assert told.code in {0, 1}
        assert shown(told.text, url.password or "") == set(), told.text


class TestService:
    @pytest.mark.parametrize("written", PLACES.values(), ids=PLACES)
    def test_shows_no_password_that_the_server_refuses(self, root: Path, place: str, written: str) -> None:
        told = StringIO()

        with every_log(told):
            for form in forms(EVERY_SIGN):
                told.write(asyncio.run(_answers(root, written.format(form, place)), debug=True))

        assert "503" in told.getvalue()
        assert "The database is away {'reason': 'connection failed" in told.getvalue()
        assert shown(told.getvalue(), EVERY_SIGN) == set(), told.getvalue()


async def _answers(root: Path, url: str) -> str:
    app = app_for(load_configuration(find_project(root), environ={"DATABASE_URL": url}))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://service") as client,
    ):
        answers = [await client.get(path) for path in ("/passwordeds", "/health/ready", "/openapi.json", "/nope")]
        return "".join(f"{answer.status_code} {answer.headers} {answer.text}" for answer in answers)
