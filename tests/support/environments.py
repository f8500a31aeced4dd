"""Virtual environments that have only what a requirement brings, made from the packages of this one."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

from tests.support.projects import ROOT


def make_environment(folder: Path, extras: set[str]) -> Path:
    """Make a virtual environment with Seedbed and the packages of these extras, and return its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = (folder / "lib").glob("python*/site-packages")
    (site / "seedbed").symlink_to(ROOT / "src/seedbed")
    names = _with_dependencies(_requirements_of_seedbed(extras))
    for package in [distribution("seedbed"), *(distribution(name) for name in sorted(names))]:
        for top in {Path(str(file)).parts[0] for file in package.files or ()}:
            source = Path(str(package.locate_file(top)))
            if top not in {"..", "__pycache__"} and source.suffix != ".pth" and not (site / top).exists():
                (site / top).symlink_to(source)
    return folder / "bin/python"


def _requirements_of_seedbed(extras: set[str]) -> Iterator[Requirement]:
    """Read pyproject.toml, because the installed metadata may be older. An extra may name other extras of Seedbed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"], *(line for extra in extras for line in project["optional-dependencies"][extra])]
    for requirement in map(Requirement, lines):
        if requirement.name == "seedbed":
            yield from _requirements_of_seedbed(requirement.extras)
        else:
            yield requirement


def _with_dependencies(requirements: Iterator[Requirement]) -> set[str]:
    """The names of the installed packages that the requirements bring."""
    found: set[tuple[str, frozenset[str]]] = set()
    waiting = [(requirement, frozenset[str]()) for requirement in requirements]
    while waiting:
        requirement, extras = waiting.pop()
        if requirement.marker and not any(requirement.marker.evaluate({"extra": extra}) for extra in extras or {""}):
            continue
        key = (_normalized(requirement.name), frozenset(requirement.extras))
        if key in found or (package := _installed(requirement.name)) is None:
            continue
        found.add(key)
        waiting += [(Requirement(line), key[1]) for line in package.requires or ()]
    return {name for name, _ in found}


def _installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
