"""What is written in the repository, held against what is there."""

import inspect
import re
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from seedbed.cli import root
from seedbed.errors import SeedbedError
from seedbed.migrations.hazards.rules import RULES, HazardRule
from seedbed.settings import Settings
from seedbed.settings.project import KEYS

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted((ROOT / "docs").rglob("*.md")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "scripts/README.md")),
]
SETTINGS = ["SEEDBED_ENV", *Settings.variables()]

REGISTRIES = [
    ".".join(parts) for parts in (("pypi", "org"), ("pythonhosted", "org"), ("npmjs", "org"), ("npmjs", "com"))
]
HOMES = ["/" + "home" + "/", "/" + "Users" + "/", "/" + "root" + "/"]
"""Put together here, since this file is one of those that are searched."""

OUTSIDE = (".seedbed/", "data/", ".github/", "preview/", "app/", "inference/", "/", "schema/", "seeds/", "migrations/")
"""What is a project's own, or no file."""

TEXT, NUMBER = "MARKER", 424242


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def links(page: Path) -> list[str]:
    """The relative links of a page; what is inside code is none."""
    text = page.read_text(encoding="utf-8")
    for code in (r"^```.*?^```$", r"^ {4}.*?$"):
        text = re.sub(code, "", text, flags=re.MULTILINE | re.DOTALL)
    found = re.findall(r"\]\(([^)\s]+)\)", text)
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(page: Path) -> set[str]:
    """The places in a page that a link can name, as a reader of Markdown makes them of its headings."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head).strip().lower().replace(" ", "-") for head in heads}


def files(folder: Path = ROOT) -> Iterator[Path]:
    """What belongs to the repository: all that .gitignore does not name."""
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


def examples() -> dict[str, str]:
    """The example of each error in the manual, in one line; the service's are of another form."""
    text = (ROOT / "docs" / "reference" / "errors.md").read_text(encoding="utf-8")
    found = re.findall(r"^    (SB\d+) (.*)\n          (.*)$", text, flags=re.MULTILINE)
    return {code: f"{message} {remedy}" for code, message, remedy in found}


def forms(error: type[SeedbedError]) -> Iterator[re.Pattern[str]]:
    """What an error can say, with any words and numbers in the places of its facts."""
    parameters = list(inspect.signature(error.__init__).parameters.values())[1:]
    for values in product(*(stand_ins(str(parameter.annotation)) for parameter in parameters)):
        facts = {parameter.name: value for parameter, value in zip(parameters, values, strict=True)}
        positional = [facts.pop(p.name) for p in parameters if p.kind is not p.KEYWORD_ONLY]
        made = error(*positional, **facts)
        escaped = re.escape(f"{made.message} {made.remedy}")
        yield re.compile(re.sub(rf"{TEXT}|424,?242|{re.escape(re.escape('424,242'))}", ".*", escaped))


def stand_ins(annotation: str) -> list[Any]:
    if "bool" in annotation:
        return [True, False]
    if "Sequence" in annotation:
        return [[TEXT, TEXT], [TEXT], []]
    if "Path" in annotation:
        return [Path(TEXT, TEXT)]
    number = "int" in annotation or "float" in annotation
    return [NUMBER if number else TEXT, *([None] if "None" in annotation else [])]


def concrete(error: type[SeedbedError]) -> list[type[SeedbedError]]:
    return [error] * ("code" in vars(error)) + [found for child in error.__subclasses__() for found in concrete(child)]


ERRORS = {error.code: error for error in concrete(SeedbedError)}


class TestPages:
    @pytest.mark.parametrize("page", PAGES, ids=shown)
    def test_link_to_what_is_there(self, page: Path) -> None:
        broken = []
        for link in links(page):
            name, _, anchor = link.partition("#")
            target = (page.parent / name) if name else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                broken.append(link)

        assert broken == []

    @pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*/*.md")), ids=shown)
    def test_are_all_in_the_index(self, page: Path) -> None:
        index = ROOT / "docs" / "README.md"

        assert str(page.relative_to(index.parent)) in links(index)


class TestExplanations:
    def test_name_files_that_are_there(self) -> None:
        lost = [
            f"{shown(page)}: {name}"
            for page in [ROOT / "CONTRIBUTING.md", *(ROOT / "docs/explanation").glob("*.md")]
            for name in re.findall(r"`((?:[a-z_.]+/)+[a-z_]*(?:\.\w+)?)`", page.read_text(encoding="utf-8"))
            if not name.startswith(OUTSIDE)
            and not any((folder / name).exists() for folder in (ROOT, ROOT / "src/seedbed"))
        ]

        assert lost == []


class TestCommands:
    def test_of_every_kind_are_named_in_the_readme(self) -> None:
        text = (ROOT / "README.md").read_text(encoding="utf-8")

        assert [name for name in root.commands if f"seedbed {name}" not in text] == []


class TestScripts:
    def test_have_a_line_each(self) -> None:
        scripts = sorted(file.name for file in (ROOT / "scripts").iterdir() if file.suffix != ".md")
        lines = re.findall(
            r"^\| `([^`]+)` \|", (ROOT / "scripts" / "README.md").read_text(encoding="utf-8"), re.MULTILINE
        )

        assert sorted(lines) == scripts

    def test_that_the_explanations_name_are_there(self) -> None:
        text = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "explanation").glob("*.md"))
        named = re.findall(r"scripts/bench (\w+)", text)

        assert [name for name in named if not (ROOT / "benchmarks" / f"{name}.py").is_file()] == []
        assert named


class TestSettings:
    @pytest.mark.parametrize("page", [".env.example", "docs/how-to/environments.md"])
    def test_are_all_explained(self, page: str) -> None:
        text = (ROOT / page).read_text(encoding="utf-8")

        assert [name for name in SETTINGS if not re.search(rf"\b{name}\b(?!_)", text)] == []

    def test_of_the_project_are_all_explained(self) -> None:
        text = (ROOT / "docs/how-to/adopt.md").read_text(encoding="utf-8")

        assert set(re.findall(r"^\| `([a-z_]+)` \|", text, re.MULTILINE)) == {*KEYS}


class TestErrorExamples:
    def test_are_of_errors_that_exist(self) -> None:
        assert set(examples()) <= set(ERRORS)

    @pytest.mark.parametrize("code", sorted(examples()))
    def test_are_what_the_error_says(self, code: str) -> None:
        example = examples()[code]

        assert any(form.fullmatch(example) for form in forms(ERRORS[code])), example


class TestRepository:
    @pytest.mark.parametrize("word", [*REGISTRIES, *HOMES])
    def test_names_neither_a_registry_nor_anybodys_home(self, word: str) -> None:
        holding = [shown(file) for file in files() if word.encode() in file.read_bytes()]

        assert holding == []


class TestHazards:
    @pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
    def test_stand_in_the_manual_with_their_examples(self, rule: HazardRule) -> None:
        manual = (ROOT / "docs" / "reference" / "hazards.md").read_text(encoding="utf-8")
        section = manual.partition(f"## {rule.id}\n")[2].partition("\n## ")[0]

        assert f"{', '.join(rule.effects).capitalize()}: {rule.message}." in section
        assert rule.remedy in section
        assert all(f"{example};" in section for example in (*rule.hazardous_sql, *rule.safe_sql))
