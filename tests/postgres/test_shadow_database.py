"""Throw-away databases: owned by a role without rights, and gone at the end."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from seedbed.errors import DatabaseUnreachable
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import EmbeddedServer, TemporaryServer
from seedbed.postgres.shadow_database import shadow_database
from seedbed.settings import Configuration, find_project, load_configuration
from tests.support.projects import execute

SHADOWS = "SELECT datname FROM pg_database WHERE datname LIKE 'seedbed_shadow_%' ORDER BY 1"


@pytest.fixture
def configured(server: EmbeddedServer, folder: Path) -> Callable[..., Configuration]:
    """Settings of a project, on its own server or with variables."""

    def configure(**variables: str) -> Configuration:
        (folder / "pyproject.toml").write_text('[project]\nname = "shop"\n[tool.seedbed]\n')
        return load_configuration(
            find_project(folder), environ={"SEEDBED_DATA_DIR": str(server.directory), **variables}
        )

    return configure


class TestShadowDatabase:
    def test_belongs_to_a_role_without_superuser_rights_and_is_gone_after(
        self, configured: Callable[..., Configuration], server: EmbeddedServer
    ) -> None:
        with shadow_database(configured()) as shadow:
            inside = execute(server.admin_url(), SHADOWS)
            execute(shadow.direct, "CREATE TABLE customer (id int)")
            role = execute(shadow.direct, "SELECT rolname, rolsuper FROM pg_roles WHERE rolname = current_user")

        assert inside == [(shadow.name,)]
        assert role == [("shop_owner", False)]
        assert execute(server.admin_url(), SHADOWS) == []

    def test_is_gone_after_an_exception_with_a_session_on_it(
        self, configured: Callable[..., Configuration], server: EmbeddedServer
    ) -> None:
        def fail() -> None:
            with shadow_database(configured()) as shadow:
                arguments: dict[str, Any] = {**shadow.direct.connect_arguments()}
                sessions.append(psycopg2.connect(**arguments))
                raise ZeroDivisionError

        sessions: list[Any] = []
        with pytest.raises(ZeroDivisionError):
            fail()

        assert execute(server.admin_url(), SHADOWS) == []
        sessions[0].close()

    def test_tells_what_went_wrong_in_the_block_when_the_server_is_gone_too(
        self, configured: Callable[..., Configuration], server: EmbeddedServer
    ) -> None:
        def fail() -> None:
            with shadow_database(configured()):
                server.stop()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()

    def test_is_made_although_somebody_is_on_template1(
        self, configured: Callable[..., Configuration], server: EmbeddedServer
    ) -> None:
        server.ensure_running()
        arguments: dict[str, Any] = {**server.admin_url("template1").connect_arguments()}
        session = psycopg2.connect(**arguments)

        with shadow_database(configured()) as shadow:
            shown = execute(shadow.direct, "SELECT 1")

        session.close()
        assert shown == [(1,)]

    def test_removes_those_that_killed_commands_left(
        self, configured: Callable[..., Configuration], server: EmbeddedServer
    ) -> None:
        server.ensure_running()
        now = int(time.time())
        old, young = f"seedbed_shadow_{now - 7200}_aa", f"seedbed_shadow_{now}_bb"
        used, strange = f"seedbed_shadow_{now - 7200}_cc", "seedbed_shadow_mine"
        for name in (old, young, used, strange):
            execute(server.admin_url(), f"CREATE DATABASE {name} TEMPLATE template0")
        arguments: dict[str, Any] = {**server.admin_url(used).connect_arguments()}
        session = psycopg2.connect(**arguments)

        with shadow_database(configured()) as shadow:
            pass

        left = execute(server.admin_url(), SHADOWS)
        session.close()
        assert left == [(name,) for name in sorted((young, used, strange))]
        assert (shadow.name,) not in left

    def test_is_made_on_a_given_server_by_a_role_that_may_make_databases(
        self,
        configured: Callable[..., Configuration],
        given: Callable[..., Database],
        given_server: TemporaryServer,
        server: EmbeddedServer,
    ) -> None:
        database = given()
        execute(given_server.url(), f"ALTER ROLE {database.name} CREATEDB")
        foreign = f"seedbed_shadow_{int(time.time()) - 7200}_dd"
        execute(given_server.url(), f"CREATE DATABASE {foreign}")

        with shadow_database(configured(SHADOW_DATABASE_URL=database.direct.reveal())) as shadow:
            place = execute(shadow.direct, "SELECT current_setting('port')::int, current_user")

        left = execute(given_server.url(), SHADOWS)
        execute(given_server.url(), f"DROP DATABASE {foreign}")
        assert place == [(given_server.port, database.name)]
        assert left == [(foreign,)]
        assert not server.read_status().running

    def test_names_the_setting_of_a_given_server_that_is_away(self, configured: Callable[..., Configuration]) -> None:
        configuration = configured(SHADOW_DATABASE_URL="postgresql://app@127.0.0.1:1/shop")

        with (
            pytest.raises(DatabaseUnreachable, match=r"127\.0\.0\.1:1/shop \(SHADOW_DATABASE_URL in the process"),
            shadow_database(configuration),
        ):
            pass
