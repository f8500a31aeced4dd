"""The service on Neon's URLs, through the emulator: pooled, with TLS and channel binding."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from seedbed.settings import parse_url
from tests.support.emulators import Neon, emulated
from tests.support.postgres.services import Service, fill, reference_project, service, until

WORK = ("/users?limit=5", "/users/1", "/tasks?limit=5", "/users/1/progress")


@pytest.fixture(scope="module")
def neon() -> Iterator[Neon]:
    pytest.importorskip("cryptography")
    with emulated() as running:
        yield running


@pytest.fixture(scope="module")
def root(neon: Neon) -> Iterator[Path]:
    with reference_project() as copied:
        fill(copied, parse_url(neon.run.database_url()), "development", **leading(neon))
        yield copied


@pytest.fixture(scope="module", params=["pooled", "direct"])
def served(neon: Neon, root: Path, request: pytest.FixtureRequest) -> Iterator[Service]:
    url = neon.run.database_url(pooled=request.param == "pooled")
    with service(root, url, **leading(neon)) as running:
        yield running


def leading(neon: Neon) -> dict[str, str]:
    """What takes libpq to the emulator, whatever host a URL has."""
    return {name: value for name, value in neon.variables.items() if name.startswith("PG")}


class TestCopiedUrl:
    def test_works_unchanged(self, neon: Neon, served: Service) -> None:
        url = neon.run.database_url(pooled=True)
        assert "-pooler." in url
        assert url.endswith("?sslmode=require&channel_binding=require")

        assert [served.get(path).status for path in WORK * 5] == [200] * len(WORK) * 5
        assert served.get("/health/ready").body["status"] == "pass"

    def test_survives_a_suspended_compute(self, neon: Neon, served: Service) -> None:
        project = neon.run.cloud.project
        endpoint = neon.call("GET", f"/api/v2/projects/{project}/endpoints")["endpoints"][0]["id"]

        with served.under_load(*WORK[:3], threads=2) as answers:
            until(lambda: len(answers) > 50, "requests are answered")
            neon.call("POST", f"/api/v2/projects/{project}/endpoints/{endpoint}/suspend")
            seen = len(answers)
            until(lambda: len(answers) > seen + 50, "requests are answered again")

        assert {answer.status for answer in answers} == {200}

    def test_does_not_disclose_the_password_if_it_is_refused(self, neon: Neon, root: Path) -> None:
        url = neon.run.database_url(pooled=True)
        password = parse_url(url).password or ""
        wrong = url.replace(password, "Zq7wKx3nBv9JtPhY4m")

        with service(root, wrong, **leading(neon)) as running:
            answers = [running.get(path) for path in WORK]

        assert {answer.status for answer in answers} == {503}
        assert "password authentication failed" in running.log()
        assert "Zq7wKx" not in running.log() + str(answers)

    def test_is_refused_by_the_emulator_without_tls(self, neon: Neon, root: Path) -> None:
        url = neon.run.database_url(pooled=True).partition("?")[0] + "?sslmode=disable"

        with service(root, url, **leading(neon)) as running:
            assert running.get("/users/1").status == 503

        assert "connection is insecure" in running.log()
