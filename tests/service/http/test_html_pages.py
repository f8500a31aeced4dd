"""The overview at / and Swagger UI at /docs."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from seedbed.schema.creation import create_schema
from seedbed.service import create_app
from seedbed.service.http.access_control import create_token
from seedbed.service.http.html_pages import list_page_files
from seedbed.service.http.server import listen, serve_in_thread
from seedbed.settings import load_configuration
from tests.support.patience import PATIENCE
from tests.support.projects import Project, fresh_database, little_project

TABLES = """
class Owner(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str

class Docs(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
"""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with little_project(tmp_path_factory.mktemp("kennel"), TABLES) as created:
        yield created


@pytest.fixture(scope="module")
def kennel(seedbed_server: TemporaryServer, project: Project) -> Iterator[Database]:
    with fresh_database(seedbed_server) as database:
        with connect(database) as connection:
            create_schema(connection, project.load_schema())
        yield database


@pytest.fixture
def client(project: Project, kennel: Database) -> Iterator[TestClient]:
    yield from create_client(project, kennel)


def create_client(project: Project, kennel: Database, **variables: str) -> Iterator[TestClient]:
    configuration = load_configuration(project.settled, environ={"DATABASE_URL": kennel.url.reveal(), **variables})
    with TestClient(create_app(configuration, project.load_schema(), kennel.url)) as client:
        yield client


class TestOverview:
    def test_lists_tables_environment_and_revision(self, client: TestClient) -> None:
        page = client.get("/")

        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert "A read-only API of the development database. Migration: none." in page.text
        assert re.findall(r'<td><a href="([^"]+)">([^<]+)</a></td><td>(\d+)</td>', page.text) == [
            ("public.docs?limit=10", "public.docs", "1"),
            ("owners?limit=10", "owners", "2"),
        ]

    def test_names_a_database_that_is_away(self, project: Project, kennel: Database) -> None:
        away = Database(kennel.url.with_database("nowhere"), kennel.direct, kennel.environment, kennel.origin)
        for client in create_client(project, away):
            assert 'class="warn">' in client.get("/").text


class TestFiles:
    def test_pages_reference_only_files_of_the_service(self, client: TestClient) -> None:
        for path in ("/", "/docs"):
            references = re.findall(r'(?:src|href)="([^"]+)"', client.get(path).text)
            assert references
            assert all("//" not in reference for reference in references)
            assert {client.get(reference).status_code for reference in references} <= {200}

    def test_pages_forbid_scripts_and_requests_of_other_origins(self, client: TestClient) -> None:
        for path in ("/", "/docs"):
            policy = client.get(path).headers["content-security-policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'; ")
            assert "connect-src 'self'" in policy
            assert "http" not in policy

    def test_redoc_is_gone(self, client: TestClient) -> None:
        assert client.get("/redoc").status_code == 404

    def test_only_files_without_data_need_no_token(self, project: Project, kennel: Database) -> None:
        for client in create_client(project, kennel, SEEDBED_TOKENS=create_token().hash):
            assert {client.get(file).status_code for file in list_page_files()} == {200}
            for path in ("/", "/docs", "/docs/", "/docs/nothing", "/docs/../owners", "/openapi.json", "/owners"):
                assert client.get(path).status_code == 401


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed here; CI installs it")
class TestBrowser:
    @pytest.mark.parametrize(("path", "text"), [("/docs", "/owners/{id}"), ("/", "public.docs")])
    def test_shows_the_page_without_a_request_to_another_host(
        self, project: Project, kennel: Database, tmp_path: Path, path: str, text: str
    ) -> None:
        configuration = load_configuration(project.settled, environ={"DATABASE_URL": kennel.url.reveal()})
        app = create_app(configuration, project.load_schema(), kennel.url)

        with serve_in_thread(app, listen("127.0.0.1", 0)) as url:
            shown = subprocess.run(
                [
                    str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--enable-logging=stderr",
                    f"--user-data-dir={tmp_path}", "--virtual-time-budget=10000", "--dump-dom", url + path,
                ],
                capture_output=True, text=True, check=False, timeout=PATIENCE,
            )  # fmt: skip

        assert text in re.sub("\u200b|<wbr>", "", shown.stdout), shown.stderr[-2000:]
        assert "CONSOLE" not in shown.stderr, shown.stderr[-2000:]
