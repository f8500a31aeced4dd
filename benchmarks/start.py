"""How long the embedded server and the commands take to start, against what each cannot be faster than."""

import argparse
import sys
from typing import Any

from benchmarks.harness import Contender, machine, race, report
from benchmarks.places import SEEDBED, Places, places, run
from seedbed.postgres.embedded import EmbeddedServer, find_binaries, run_temporary_server
from seedbed.postgres.embedded.binaries import ensure_runnable
from seedbed.postgres.embedded.os_account import get_server_account

BARE_INITDB, BARE_PYTHON = "initdb alone", "python -c pass"


def servers(places: Places) -> dict[str, Contender]:
    """Servers made and started; each is stopped, untimed, before the next."""
    kept = EmbeddedServer(places.fresh(), "bench_owner")
    kept.ensure_running()
    kept.stop()
    account = get_server_account()
    initdb = ensure_runnable(account, find_binaries()).program_path("initdb")

    def fresh_folder() -> None:
        account.take_ownership(places.fresh())

    def initdb_alone() -> None:
        done = account.run([initdb, "-D", places.newest, "-A", "trust", "--locale=C"], capture_output=True)
        done.check_returncode()

    def first() -> None:
        EmbeddedServer(places.newest, "bench_owner").ensure_running()

    def throwaway() -> None:
        with run_temporary_server():
            pass

    def stop_newest() -> None:
        EmbeddedServer(places.newest, "bench_owner").stop()

    return {
        BARE_INITDB: Contender(initdb_alone, fresh_folder),
        "ensure_running, first start": Contender(first, fresh_folder, stop_newest),
        "ensure_running, warm start": Contender(kept.ensure_running, clean=kept.stop),
        "ensure_running, reuse": Contender(kept.ensure_running, kept.ensure_running, kept.stop),
        "run_temporary_server, start, stop": Contender(throwaway),
    }


def commands(places: Places) -> dict[str, Contender]:
    """Commands as a shell runs them, from another process's start to its end."""
    return {
        BARE_PYTHON: Contender(lambda: run(places.newest, sys.executable, "-c", "pass"), places.project),
        "seedbed --help": Contender(lambda: run(places.newest, SEEDBED, "--help")),
        "seedbed config": Contender(lambda: run(places.newest, SEEDBED, "config")),
    }


def main_job(places: Places) -> dict[str, Contender]:
    def up() -> None:
        run(places.newest, SEEDBED, "up", "--once")

    def done_before() -> None:
        places.project()
        up()

    return {
        "seedbed up --once, first run": Contender(up, places.project),
        "seedbed up --once, second run": Contender(up, done_before),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds: Any = parser.parse_args().rounds
    print(f"{machine()}\nPostgreSQL {find_binaries().version}, {find_binaries().source}\n")
    with places() as made:
        race(commands(made), rounds=1)  # Python keeps what it compiles, and the machine what it read
        report("server", race(servers(made), rounds=rounds), against=BARE_INITDB)
        report("command", race(commands(made), rounds=rounds), against=BARE_PYTHON)
        report("main job", race(main_job(made), rounds=rounds), against="seedbed up --once, first run")


if __name__ == "__main__":
    main()
