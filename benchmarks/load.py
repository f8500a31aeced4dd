"""Twenty clients that read and write a table, with a reader that holds its locks, in a process of their own."""

import json
import random
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import psycopg2

from benchmarks.places import ROOT

CLIENTS = 20
_PAUSE = 0.02
_BETWEEN_HOLDS = 0.5
_READ = "SELECT title, points FROM task WHERE id = %s"
_UPDATE = "UPDATE task SET points = points + 1 WHERE id = %s"
_INSERT = (
    "INSERT INTO task (title, code, note, points, account_id) VALUES ('new', gen_random_uuid()::text, 'new', 1, %s)"
)
_SETTLING_SECONDS = 2.0
_ALONE_SECONDS = 10.0


@dataclass(frozen=True)
class Waits:
    """Seconds that an operation of a client took: the longest, and the one that 99.9 % do not exceed."""

    longest: float
    nearly_all: float
    operations: int
    failed: int


class Load:
    """The clients are at work for the length of a block; what they waited is known after it."""

    def __init__(self, url: str, *, rows: int, hold: float) -> None:
        self._command = [sys.executable, "-m", "benchmarks.load", url, str(rows), str(hold)]
        self._said = ""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        time.sleep(_SETTLING_SECONDS)
        return self

    def beside(self, command: "subprocess.Popen[bytes] | None") -> float:
        """Wait for a command that was started, or for a while without any, and give the seconds it took."""
        begun = time.monotonic()
        if command is None:
            time.sleep(_ALONE_SECONDS)
            return 0.0
        _, err = command.communicate()
        if command.returncode:
            raise RuntimeError(err.decode())
        return time.monotonic() - begun

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._said, _ = self._process.communicate("stop\n")

    def waits(self) -> Waits:
        return Waits(**json.loads(self._said))


def _serve(url: str, rows: int, hold: float) -> None:
    over = threading.Event()
    times: list[list[float]] = [[] for _ in range(CLIENTS)]
    failed: list[str] = []
    threads = [threading.Thread(target=_work, args=(n, url, rows, over, times[n], failed)) for n in range(CLIENTS)]
    threads.append(threading.Thread(target=_hold, args=(url, hold, over)))
    for thread in threads:
        thread.start()
    sys.stdin.readline()
    over.set()
    for thread in threads:
        thread.join()
    every = sorted(second for own in times for second in own)
    print(json.dumps(vars(Waits(every[-1], every[int(len(every) * 0.999)], len(every), len(failed)))))
    for said in set(failed):
        print(said, file=sys.stderr)


def _work(number: int, url: str, rows: int, over: threading.Event, times: list[float], failed: list[str]) -> None:
    """Even clients read; odd ones change a row, and one time in four add one."""
    drawn = random.Random(number)
    connection = _connected(url)
    with connection.cursor() as cursor:
        while not over.wait(_PAUSE):
            statement = _READ if number % 2 == 0 else _UPDATE if drawn.random() < 0.75 else _INSERT
            value = drawn.randint(1, rows // 10 if statement == _INSERT else rows)
            begun = time.monotonic()
            try:
                cursor.execute(statement, (value,))
            except psycopg2.Error as error:
                failed.append(str(error).splitlines()[0])
            times.append(time.monotonic() - begun)
    connection.close()


def _hold(url: str, seconds: float, over: threading.Event) -> None:
    connection = _connected(url)
    with connection.cursor() as cursor:
        while not over.wait(_BETWEEN_HOLDS):
            cursor.execute("BEGIN")
            cursor.execute("SELECT count(*) FROM (SELECT FROM task LIMIT 10) few")
            over.wait(seconds)
            cursor.execute("COMMIT")
    connection.close()


def _connected(url: str) -> Any:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    return connection


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]))
