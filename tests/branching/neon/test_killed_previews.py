"""A preview on Neon is killed at each stage while answers are lost. Then one undisturbed command finishes it."""

import os
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from itertools import count

import psycopg2
import pytest

from tests.support.effort import repetitions
from tests.support.emulators import MARK, ROOT, Neon, ask, emulated
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.chaos

RUNS = repetitions("NEON_RUNS", usual=5, thorough=300)
SEED = int(os.environ.get("TEST_NEON_SEED", "42"))
PR = "preview/pr-42"
STAGES = ("not made", "made", "migrated", "seeded", "up")
"""How far a preview can be when its command is killed. The first runs kill at each stage, later ones at any moment."""
ATTEMPTS = 10
"""How often a stage is tried: with faults, a command may fail before it gets there."""
USERS = 'SELECT count(*) FROM "user"'
PLACES = "SELECT count(*) FROM pg_database WHERE datname LIKE 'br-%'"


def seedbed(neon: Neon, *arguments: str) -> "subprocess.Popen[str]":
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("NEON_", "DATABASE_", "SEEDBED_"))
    }
    return subprocess.Popen(
        [sys.executable, "-m", "seedbed", *arguments],
        cwd=ROOT,
        env={**kept, **neon.variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def await_work(neon: Neon, process: "subprocess.Popen[str]") -> float:
    """Wait until a command sends its first request: importing what it needs takes as long as its work."""
    before = len(neon.requests)
    while len(neon.requests) == before and process.poll() is None:
        time.sleep(0.005)
    return time.monotonic()


def find_stage(neon: Neon, *, besides: Collection[str] = ()) -> str:
    """Return how far a preview has come, `besides` older branches."""
    found = [
        branch
        for identity, branch in list(neon.run.cloud.branches.items())
        if branch.name.startswith(PR) and identity not in besides
    ]
    if not found:
        return "not made"
    if found[0].name == PR:
        return "up"
    url = neon.run.cloud.storage.server.url(found[0].get_database_name("neondb")).reveal()
    try:
        return "seeded" if ask(url, USERS) != [(0,)] else "migrated"
    except psycopg2.Error:
        return "made"


def kill_at(neon: Neon, process: "subprocess.Popen[str]", stage: str, *, besides: Collection[str]) -> bool:
    """Kill a command when the preview has come to a stage. Return False if the command ends before that."""
    await_work(neon, process)
    while process.poll() is None:
        if find_stage(neon, besides=besides) == stage:
            process.kill()
            process.communicate()
            return True
        time.sleep(0.005)
    process.communicate()
    return False


def kill_at_any_moment(neon: Neon, process: "subprocess.Popen[str]", chance: random.Random, usual: float) -> str:
    """Kill a command within the time that it usually takes, or let it end. Return what came of it."""
    await_work(neon, process)
    said = ("", "")
    with suppress(subprocess.TimeoutExpired):
        said = process.communicate(timeout=chance.uniform(0.0, usual) if chance.random() < 0.7 else PATIENCE)
    if process.poll() is None:
        process.kill()
        process.communicate()
        return f"killed {find_stage(neon)}"
    return "up" if process.returncode == 0 else re.sub(r"ep-[\w-]+", "ep", said[1].strip()[:160])


def faults(neon: Neon, number: int, chance: random.Random) -> None:
    neon.faults(
        seed=number, _409=0.1, _423=0.1, _429=0.05, _503=0.05, dropped=0.15, asleep=chance.randrange(3),
        step=chance.choice([0.005, 0.05, 0.3]),
    )  # fmt: skip


def delete_preview(neon: Neon) -> None:
    seedbed(neon, "preview", "down", PR).communicate()


class TestAPreviewOnNeon:
    def test_is_there_once_migrated_and_seeded_after_faults_and_kills(self, capsys: pytest.CaptureFixture[str]) -> None:
        chance, numbers, ends = random.Random(SEED), count(), Counter[str]()
        with emulated(step=0.01) as neon:
            neon.main("DROP TABLE note", MARK.format("development"))
            path = f"/api/v2/projects/{neon.run.cloud.project}/branches"
            other = neon.call("POST", path, {"branch": {"name": "x"}})["branch"]
            process = seedbed(neon, "preview", "up", PR)
            began = await_work(neon, process)
            process.communicate(timeout=PATIENCE)
            assert process.returncode == 0
            usual = time.monotonic() - began

            for stage in STAGES:
                for _ in range(ATTEMPTS):
                    if PR in neon.names():
                        delete_preview(neon)
                    older = set(neon.run.cloud.branches)
                    faults(neon, next(numbers), chance)
                    if kill_at(neon, seedbed(neon, "preview", "up", PR), stage, besides=older):
                        ends[f"killed at {stage}"] += 1
                        break
            for _ in range(RUNS - len(STAGES)):
                faults(neon, next(numbers), chance)
                ends[kill_at_any_moment(neon, seedbed(neon, "preview", "up", PR), chance, usual)] += 1
                if chance.random() < 0.4:
                    delete_preview(neon)
            neon.faults()

            process = seedbed(neon, "preview", "up", PR)
            said = process.communicate()

            assert process.returncode == 0, said
            assert neon.names() == ["main", PR, "x"]
            url = neon.branches().url(PR).reveal()
            assert ask(url, USERS) == [(50,)]
            assert ask(url, "SELECT version_num, name FROM alembic_version, seedbed.environment") == [
                ("e2be48669f4b", "preview")
            ]
            assert ask(url, PLACES) == [(3,)]
            assert neon.main("SELECT name, to_regclass('alembic_version') FROM seedbed.environment") == [
                ("development", None)
            ]
            assert neon.call("GET", f"{path}/{other['id']}")["branch"]["updated_at"] == other["updated_at"]
            with capsys.disabled():
                sys.stderr.write(f"\n{next(numbers)} runs: {dict(ends)}\n")
            assert [stage for stage in STAGES if not ends[f"killed at {stage}"]] == []
