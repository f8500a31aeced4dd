"""What the read service answers while its database is away: the promises, and what was measured of each."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from benchmarks.harness import machine, table
from seedbed.settings import DatabaseUrl
from tests.support.postgres.outages import Outage, silenced, stopped, terminated
from tests.support.postgres.poolers import PGBOUNCER, pgbouncer
from tests.support.postgres.proxies import Link
from tests.support.postgres.services import Service, StoppableServer, service, stoppable_server

DEADLINE = 5.0
ALIVE, STOPPED, AFTER_DEADLINE, BACK = 0.1, 0.5, 0.1, 1.0
"""Seconds at most: for liveness, for an answer while the server is stopped, for one beyond the deadline, and from the
end of an outage to the first answer with rows. The column "machine" is how late this process itself woke at worst.
"""

Reach = Callable[[DatabaseUrl], AbstractContextManager[DatabaseUrl]]
HEAD = ["outage", "answers", "200", "503", "slowest", "promised", "liveness", "machine", "back after", "failed later",
        "kept"]  # fmt: skip


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--rounds", type=int, default=1)
    arguments.add_argument("--way", choices=["direct", "PgBouncer"], help="one of the ways alone")
    chosen = arguments.parse_args()
    ways: dict[str, Reach] = {"direct": direct}
    if PGBOUNCER is not None:
        ways["PgBouncer"] = pooled
    rows = []
    with stoppable_server() as server:
        print(f"{machine()}, 4 clients without a pause, a deadline of {DEADLINE:g} s\n")
        for _ in range(chosen.rounds):
            for way, reach in ways.items():
                if chosen.way in {None, way}:
                    rows += outages(way, reach, server)
        table(HEAD, rows)
    print("Kept: nothing but rows and 503 as problem+json, within the bounds, and the password in no line and no body.")
    sys.exit(any(row[-1] == "NO" for row in rows))


@contextmanager
def direct(url: DatabaseUrl) -> Iterator[DatabaseUrl]:
    yield url


@contextmanager
def pooled(url: DatabaseUrl) -> Iterator[DatabaseUrl]:
    """With the one setting that our documentation asks for: by default PgBouncer tries a server again after 15 s."""
    with pgbouncer(url, server_login_retry=0.5) as made:
        yield made


def outages(way: str, reach: Reach, server: StoppableServer) -> list[list[str]]:
    rows = []
    server.start()
    with ExitStack() as stack:
        url = stack.enter_context(reach(server.url))
        asked = stack.enter_context(service(server.root, url, SEEDBED_DEADLINE=str(DEADLINE)))
        ended, count = terminated(asked, server.url, times=20)
        rows.append(row(f"{count} backends ended, {way}", ended, asked, server, DEADLINE, failing=False))
        rows.append(row(f"stopped for 3 s, {way}", stopped(asked, server), asked, server, STOPPED))
    with ExitStack() as stack:
        link = stack.enter_context(Link(server.url).up())
        url = stack.enter_context(reach(link.url))
        asked = stack.enter_context(service(server.root, url, SEEDBED_DEADLINE=str(DEADLINE)))
        rows.append(row(f"silent for 6 s, {way}", silenced(asked, link), asked, server, DEADLINE + AFTER_DEADLINE))
    return rows


def row(
    name: str, outage: Outage, asked: Service, server: StoppableServer, promised: float, *, failing: bool = True
) -> list[str]:
    statuses = outage.statuses
    told = outage.shows(server.url.password or "no password", asked.log())
    kept = (
        not outage.strange
        and not told
        and outage.slowest <= promised
        and outage.slowest_alive <= ALIVE
        and outage.back <= BACK
        and not outage.failed_later()
        and (failing or set(statuses) == {200})
    )
    return [
        name, f"{len(outage.answers):,}", f"{statuses.get(200, 0):,}", f"{statuses.get(503, 0):,}",
        f"{outage.slowest:.3f} s", f"{promised:g} s", f"{outage.slowest_alive:.3f} s", f"{outage.latest:.3f} s",
        f"{outage.back:.3f} s", str(outage.failed_later()), "yes" if kept else "NO",
    ]  # fmt: skip


if __name__ == "__main__":
    main()
