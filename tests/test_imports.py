"""What is imported when: nothing heavy before a command needs it, and nothing that pyproject.toml does not ask for."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).parents[1]
HEAVY = ("alembic", "faker", "fastapi", "numpy", "psycopg", "psycopg2", "pydantic", "sqlalchemy", "sqlglot", "sqlmodel")
PACKAGE = [file for file in sorted((ROOT / "src/seedbed").rglob("*.py")) if "files" not in file.parts]
PART_OF = {"pydantic_core": "pydantic", "starlette": "fastapi"}
"""Modules that belong to a dependency by its own word, and whose versions it chooses."""

PROGRAM = """
import json, sys
sys.argv[1:] = json.loads(sys.argv[1])
from seedbed.__main__ import main
try:
    main()
except SystemExit:
    pass
print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})), file=sys.stderr)
"""


def loaded_by(*arguments: str) -> set[str]:
    """The top-level modules in a process after a command."""
    command = [sys.executable, "-c", PROGRAM, json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1]))


def imported(file: Path) -> set[str]:
    modules: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.add(node.module)
    return {module.partition(".")[0] for module in modules} - set(sys.stdlib_module_names) - {"seedbed"}


class TestCommandLine:
    @pytest.mark.parametrize(
        "arguments", [("--help",), ("--version",), ("migrate", "--help"), ("seed", "run", "--help"), ("init", "--help")]
    )
    def test_helps_without_loading_what_a_command_needs(self, arguments: tuple[str, ...]) -> None:
        assert loaded_by(*arguments) & set(HEAVY) == set()

    def test_completes_what_is_typed(self) -> None:
        variables = {"_SEEDBED_COMPLETE": "bash_complete", "COMP_WORDS": "seedbed migr", "COMP_CWORD": "1"}
        seedbed = Path(sys.executable).with_name("seedbed")

        done = subprocess.run([seedbed], env=variables, capture_output=True, text=True, check=True)

        assert done.stdout == "plain,migrate\n"


class TestDependencies:
    def test_are_all_that_the_package_imports(self) -> None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        extras = project["optional-dependencies"].values()
        asked = [*project["dependencies"], *(one for extra in extras for one in extra)]
        names = {re.split(r"[\[<>=~!;]", one)[0].lower().replace("_", "-") for one in asked}
        brought_by = packages_distributions()

        foreign = {
            module
            for file in PACKAGE
            for module in {PART_OF.get(module, module) for module in imported(file)}
            if not {one.lower().replace("_", "-") for one in brought_by.get(module, [module])} & names
        }

        assert foreign == set()
