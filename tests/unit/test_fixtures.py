"""The manual lists exactly the fixtures, options and checks of the pytest plugin."""

import re
from pathlib import Path

from seedbed.testing import checks, plugin
from seedbed.testing.fixtures import fixtures

MANUAL = (Path(__file__).parents[2] / "docs/reference/fixtures.md").read_text(encoding="utf-8")
OPTIONS = Path(plugin.__file__).read_text(encoding="utf-8")
SOURCE = Path(fixtures.__file__).read_text(encoding="utf-8")


def section(title: str) -> str:
    return MANUAL.partition(f"## {title}\n")[2].partition("\n## ")[0]


def first_cells(title: str) -> set[str]:
    cells = re.findall(r"^\| (`[^|]*`) \|", section(title), flags=re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


class TestManual:
    def test_has_every_fixture_with_its_scope(self) -> None:
        found = re.findall(r'@pytest\.fixture(?:\(scope="(\w+)"\))?\ndef ([a-z]\w+)\(', SOURCE)
        rows = re.findall(r"^\| (`[^|]+`) \| ([\w, ]+) \|", section("Fixtures"), flags=re.MULTILINE)
        written = {
            (name, scope)
            for names, scopes in rows
            for name, scope in zip(re.findall(r"`(\w+)`", names), scopes.split(", "), strict=True)
        }

        assert {(name, scope or "function") for scope, name in found} == written

    def test_has_every_option(self) -> None:
        options = set(re.findall(r'"(--seedbed-\w+)"', OPTIONS))

        assert {option.split()[0] for option in first_cells("Options")} == options

    def test_has_every_check(self) -> None:
        tests = {name for name in checks.__all__ if name.startswith("test_")}

        assert first_cells("Checks") == tests
