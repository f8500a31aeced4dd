"""A draft with its proof, against Alembic's command for the same comparison without one."""

import argparse
from pathlib import Path

from benchmarks.harness import Contender, machine, race, report
from benchmarks.places import ALEMBIC, SEEDBED, places, run
from seedbed.postgres.embedded import find_binaries

AUTOGENERATE = "alembic revision --autogenerate"
NICKNAME = "    nickname: str | None = Field(default=None, max_length=40)\n    created_at:"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds: int = parser.parse_args().rounds
    print(f"{machine()}\nPostgreSQL {find_binaries().version}, {find_binaries().found}\n")
    with places() as made:
        root = made.project()
        run(root, SEEDBED, "db", "start")
        run(root, SEEDBED, "migrate", "apply")
        kept = revisions(root)
        user, sealed = root / "schema" / "user.py", root / "migrations" / "head"
        plain, seals = user.read_text(encoding="utf-8"), sealed.read_text(encoding="utf-8")
        wider = plain.replace("    created_at:", NICKNAME, 1)

        def widen() -> None:
            user.write_text(wider, encoding="utf-8")

        def undo() -> None:
            user.write_text(plain, encoding="utf-8")
            sealed.write_text(seals, encoding="utf-8")
            for file in revisions(root) - kept:
                file.unlink()

        contenders = {
            AUTOGENERATE: Contender(lambda: run(root, ALEMBIC, "revision", "--autogenerate", "-m", "x"), widen, undo),
            "seedbed migrate draft": Contender(lambda: run(root, SEEDBED, "migrate", "draft", "-m", "x"), widen, undo),
            "seedbed migrate check": Contender(lambda: run(root, SEEDBED, "migrate", "check")),
        }
        race(contenders, rounds=1)  # Python keeps what it compiles
        report("a column added", race(contenders, rounds=rounds), against=AUTOGENERATE)


def revisions(root: Path) -> set[Path]:
    return set((root / "migrations" / "versions").glob("*.py"))


if __name__ == "__main__":
    main()
