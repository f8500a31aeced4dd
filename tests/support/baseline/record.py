"""Record all parts, each in a process of its own."""

import multiprocessing
import os
import platform
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from importlib.metadata import version
from pathlib import Path

from seedbed.postgres.embedded import find_binaries
from tests.migrations.changes.cases import GROUPS
from tests.support.baseline import commands, drafts, help_texts, rows
from tests.support.baseline.comparison import META
from tests.support.baseline.results import Folder, slug
from tests.support.projects import ROOT

PACKAGES = (
    "alembic",
    "click",
    "faker",
    "fastapi",
    "hypothesis",
    "numpy",
    "pydantic",
    "sqlalchemy",
    "sqlglot",
    "sqlmodel",
)
"""Packages on which results depend."""


def record(folder: Path, *, only: list[str], quick: bool, jobs: int, modified: bool) -> int:
    """Record everything, or the parts whose names start with one of `only`, and return an exit code.

    A record that failed keeps its files, but has no meta.json.
    """
    parts = {name: part for name, part in _parts(quick=quick).items() if not only or name.startswith(tuple(only))}
    if not parts:
        sys.stderr.write(f"No such part. The parts are {', '.join(_parts(quick=quick))}.\n")
        return 2
    changes = _git("status", "--porcelain")
    if changes and not modified:
        sys.stderr.write(f"The working tree is modified; commit first, or add --modified:\n{changes}\n")
        return 2
    folder = folder.resolve()
    if folder.exists() and any(folder.iterdir()):
        sys.stderr.write(f"{folder} is not empty.\n")
        return 2
    folder.mkdir(parents=True, exist_ok=True)
    # Commands run in other projects, whose `schema` package must not be this repository's.
    os.environ.pop("PYTHONPATH", None)
    os.environ["NO_COLOR"] = "1"
    os.environ.setdefault("PYTHONHASHSEED", "0")
    # A shell starts background jobs with SIGINT ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    started, failed = time.monotonic(), 0
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        running = {pool.submit(_time, part, folder): name for name, part in parts.items()}
        for done in as_completed(running):
            name = running[done]
            if error := done.exception():
                failed += 1
                sys.stderr.write(f"{name} failed:\n{''.join(traceback.format_exception(error))}\n")
            else:
                sys.stderr.write(f"{name}: {done.result():.0f} s\n")
    if failed:
        return 1
    Folder(folder).write_json(
        META, {**_conditions(), "parts": sorted(parts), "quick": quick, "modified": bool(changes)}
    )
    sys.stderr.write(f"{sum(1 for _ in folder.rglob('*.*'))} results in {time.monotonic() - started:.0f} s\n")
    return 0


def _parts(*, quick: bool) -> dict[str, Callable[[Path], None]]:
    """List what is recorded, the longest parts first."""
    step = 6 if quick else 1
    groups = {
        f"drafts/{slug(group)}": partial(drafts.record_cases, group=group, step=step)
        for group in sorted(GROUPS, key=lambda group: -len(GROUPS[group]))
    }
    return {
        "commands": commands.record_commands,
        "projects": rows.record_projects,
        **groups,
        "rows/random": partial(rows.record_random, count=10 if quick else 40),
        "drafts/random": partial(drafts.record_random, count=8 if quick else 40),
        "adoption": commands.record_adoption,
        "help": help_texts.record_help,
    }


def _time(part: Callable[[Path], None], folder: Path) -> float:
    started = time.monotonic()
    part(folder)
    return time.monotonic() - started


def _conditions() -> dict[str, object]:
    return {
        "commit": _git("rev-parse", "HEAD"),
        "source": _git("rev-parse", "HEAD:src"),
        "python": platform.python_version(),
        "postgresql": str(find_binaries().version),
        "packages": {name: version(name) for name in PACKAGES},
    }


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()
