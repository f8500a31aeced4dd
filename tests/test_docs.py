"""The documentation agrees with the repository: links, files, commands, scripts and settings exist."""

import re
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

import pytest

from seedbed.cli import root
from seedbed.migrations.hazards.rules import RULES, HazardRule
from seedbed.settings import Settings
from seedbed.settings.project import PROJECT_KEYS

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[1]
PAGES = [
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "scripts/README.md")),
]
SETTINGS = ["SEEDBED_ENV", *Settings.get_fields_by_variable()]

REGISTRIES = [
    ".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"))
]
HOME_DIRECTORIES = ["/" + "home" + "/", "/" + "Users" + "/", "/" + "root" + "/"]
"""Built from parts, because this file is searched too."""

USER_PATHS = (
    ".seedbed/",
    "data/",
    ".github/",
    "preview/",
    "app/",
    "inference/",
    "/",
    "schema/",
    "seeds/",
    "migrations/",
)
"""Paths in a user's project, or not a file at all."""


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def links(page: Path) -> list[str]:
    """The relative links of a page, outside of code."""
    text = page.read_text(encoding="utf-8")
    for code in (r"^```.*?^```$", r"^ {4}.*?$"):
        text = re.sub(code, "", text, flags=re.MULTILINE | re.DOTALL)
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    return [link for link in targets if not re.match(r"[a-z]+:", link)]


def anchors(page: Path) -> set[str]:
    """The anchors of a page: its headings as Markdown turns them into link targets."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def files(folder: Path = ROOT) -> Iterator[Path]:
    """The files of the repository: all except those that .gitignore names."""
    for path in folder.iterdir():
        kept = path.name == ".env.example" or not any(fnmatch(path.name, name) for name in ignored())
        if kept and path.is_dir():
            yield from files(path)
        elif kept:
            yield path


@cache
def ignored() -> list[str]:
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    return [".git", *(line.rstrip("/") for line in lines if not line.startswith("!"))]


class TestPages:
    @pytest.mark.parametrize("page", PAGES, ids=relative)
    def test_links_have_targets(self, page: Path) -> None:
        broken = []
        for link in links(page):
            name, _, anchor = link.partition("#")
            target = (page.parent / name) if name else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                broken.append(link)

        assert broken == []

    @pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*/*.md")), ids=relative)
    def test_every_page_is_in_the_index(self, page: Path) -> None:
        index = ROOT / "docs" / "README.md"

        assert str(page.relative_to(index.parent)) in links(index)


class TestExplanations:
    def test_named_files_exist(self) -> None:
        missing = [
            f"{relative(page)}: {name}"
            for page in [ROOT / "CONTRIBUTING.md", *(ROOT / "docs/explanation").glob("*.md")]
            for name in re.findall(r"`((?:[a-z_.]+/)+[a-z_]*(?:\.\w+)?)`", page.read_text(encoding="utf-8"))
            if not name.startswith(USER_PATHS)
            and not any((folder / name).exists() for folder in (ROOT, ROOT / "src/seedbed"))
        ]

        assert missing == []


class TestCommands:
    def test_readme_names_every_command(self) -> None:
        text = (ROOT / "README.md").read_text(encoding="utf-8")

        assert [name for name in root.commands if f"seedbed {name}" not in text] == []


class TestScripts:
    def test_readme_lists_every_script(self) -> None:
        scripts = sorted(file.name for file in (ROOT / "scripts").iterdir() if file.suffix != ".md")
        lines = re.findall(
            r"^\| `([^`]+)` \|", (ROOT / "scripts" / "README.md").read_text(encoding="utf-8"), re.MULTILINE
        )

        assert sorted(lines) == scripts

    def test_benchmarks_named_in_explanations_exist(self) -> None:
        text = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "explanation").glob("*.md"))
        named = re.findall(r"scripts/bench (\w+)", text)

        assert [name for name in named if not (ROOT / "benchmarks" / f"{name}.py").is_file()] == []
        assert named


class TestSettings:
    @pytest.mark.parametrize("page", [".env.example", "docs/how-to/environments.md"])
    def test_every_setting_is_explained(self, page: str) -> None:
        text = (ROOT / page).read_text(encoding="utf-8")

        assert [name for name in SETTINGS if not re.search(rf"\b{name}\b(?!_)", text)] == []

    def test_every_project_key_is_explained(self) -> None:
        text = (ROOT / "docs/how-to/adopt.md").read_text(encoding="utf-8")

        assert set(re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE)) == {*PROJECT_KEYS}


class TestRepository:
    @pytest.mark.parametrize("word", [*REGISTRIES, *HOME_DIRECTORIES])
    def test_contains_no_registry_host_and_no_home_directory(self, word: str) -> None:
        matches = [relative(file) for file in files() if word.encode() in file.read_bytes()]

        assert matches == []


class TestHazards:
    @pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
    def test_manual_describes_every_rule_with_its_examples(self, rule: HazardRule) -> None:
        manual = (ROOT / "docs" / "reference" / "hazards.md").read_text(encoding="utf-8")
        section = manual.partition(f"## {rule.id}\n")[2].partition("\n## ")[0]

        assert f"{', '.join(rule.effects).capitalize()}: {rule.message}." in section
        assert rule.remedy in section
        assert all(f"{example};" in section for example in (*rule.hazardous_sql, *rule.safe_sql))
