"""Count the proven changes of Seedbed and of plain Alembic in one run: `python -m tests.migrations.changes.score`."""

import sys
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from sqlalchemy.exc import SAWarning

from seedbed.errors import SeedbedError
from seedbed.migrations.proof.proof import Proof
from seedbed.postgres.embedded import Binaries, find_binaries, run_temporary_server
from tests.migrations.changes.cases import GROUPS
from tests.migrations.changes.harness import TrialServer, prove_with_alembic, prove_with_seedbed
from tests.migrations.changes.world import Case

OUTCOMES = ("verified", "verified with data loss", "forward only", "refused", "failed")


def outcome(run: Callable[[], Proof]) -> str:
    """A verdict; `refused` where our code raised an error of its own, `failed` for anything else."""
    try:
        return run().verdict.value
    except SeedbedError as error:
        return "refused" if error.code in {"SB210", "SB211", "SB212"} else "failed"
    except Exception:
        return "failed"


def prove_ours(trial_server: TrialServer, case: Case, *, back: bool) -> Callable[[], Proof]:
    before, after, decisions = (
        (case.after, case.before, case.reverse_decisions) if back else (case.before, case.after, case.decisions)
    )
    return lambda: prove_with_seedbed(trial_server, before.metadata(), after.metadata(), decisions)


def prove_alembics(trial_server: TrialServer, case: Case, *, back: bool) -> Callable[[], Proof]:
    before, after = (case.after, case.before) if back else (case.before, case.after)
    return lambda: prove_with_alembic(trial_server, before.metadata(), after.metadata())


def main() -> None:
    warnings.simplefilter("ignore", SAWarning)
    binaries = Binaries.from_directory(Path(sys.argv[1]), "given") if len(sys.argv) > 1 else find_binaries()
    totals: dict[str, Counter[str]] = {"Seedbed": Counter(), "Alembic": Counter()}
    with run_temporary_server(binaries) as server:
        trial_server = TrialServer(server)
        print(f"PostgreSQL {server.binaries.version}; changes proven there and back, of all in the group")
        print(f"{'group':<12}{'changes':>9}{'Seedbed':>10}{'Alembic':>10}")
        for group, cases in GROUPS.items():
            row = {}
            for name, way in (("Seedbed", prove_ours), ("Alembic", prove_alembics)):
                found = [outcome(way(trial_server, case, back=back)) for case in cases for back in (False, True)]
                totals[name].update(found)
                row[name] = sum(verdict.startswith("verified") for verdict in found)
            print(f"{group:<12}{2 * len(cases):>9}{row['Seedbed']:>10}{row['Alembic']:>10}")
    for name, counted in totals.items():
        print(f"{name}: " + ", ".join(f"{counted[verdict]} {verdict}" for verdict in OUTCOMES))


if __name__ == "__main__":
    main()
