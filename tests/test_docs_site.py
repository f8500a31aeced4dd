"""The documentation site: it builds without a warning, can be searched, and requests nothing from another host."""

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tests.support.llms import write_files
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copy(ROOT / "mkdocs.yml", folder)
    subprocess.run(
        [Path(sys.executable).with_name("zensical"), "build", "--strict"], cwd=folder, check=True, capture_output=True
    )
    return folder / "dist/docs"


@pytest.fixture(scope="module")
def url(site: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_QuietHandler, directory=str(site))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the base class
        pass


def list_pages(entries: object) -> Iterator[str]:
    if isinstance(entries, str):
        yield entries
    elif isinstance(entries, dict):
        for value in entries.values():
            yield from list_pages(value)
    elif isinstance(entries, list):
        for entry in entries:
            yield from list_pages(entry)


class TestSite:
    def test_navigation_lists_every_page_with_the_tutorial_first(self) -> None:
        listed = list(list_pages(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))

        assert sorted(listed) == sorted(
            page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")
        )
        assert listed[:2] == ["README.md", "tutorial.md"]

    @pytest.mark.parametrize(
        "words",
        ["docker", "dry run", "anonymize", "zero downtime", "expand/contract", "rollback", "kubernetes", "pooler"],
    )
    def test_search_finds_the_terms_of_the_field(self, site: Path, words: str) -> None:
        assert words in json.dumps(json.loads((site / "search.json").read_text())).lower()

    def test_pages_load_nothing_from_another_host(self, site: Path) -> None:
        loaded = re.compile(
            r"""<(?:script|img|iframe)[^>]+src=["'](?:https?:)?//|<link[^>]+rel=["']?stylesheet[^>]+//"""
        )

        assert [page for page in site.rglob("*.html") if loaded.search(page.read_text())] == []

    @pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed here; CI installs it")
    def test_a_browser_shows_it_without_the_network(self, url: str, tmp_path: Path) -> None:
        shown = subprocess.run(
            [
                str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--enable-logging=stderr",
                f"--user-data-dir={tmp_path}", "--virtual-time-budget=10000", "--dump-dom", f"{url}/tutorial/",
            ],
            capture_output=True, text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip

        assert "Create a project" in shown.stdout
        assert "net::ERR" not in shown.stderr, shown.stderr[-2000:]


class TestLanguageModels:
    def test_index_lists_every_page_with_a_sentence(self, tmp_path: Path) -> None:
        write_files(tmp_path)

        lines = (tmp_path / "llms.txt").read_text().splitlines()
        listed = [line for line in lines if line.startswith("- ")]
        assert lines[0] == "# Seedbed"
        assert len(listed) == len(list((ROOT / "docs").rglob("*.md")))
        assert [line for line in listed if not re.fullmatch(r"- \[[^\]]+\]\(\S+\.md\): \S.{10,}", line)] == []

    def test_full_text_has_no_comments_of_tests(self, tmp_path: Path) -> None:
        write_files(tmp_path)

        text = (tmp_path / "llms-full.txt").read_text()
        assert "<!--" not in text
        assert text.count("\n\n---\n\n") == len(list((ROOT / "docs").rglob("*.md"))) - 1
