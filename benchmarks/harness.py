"""Contenders timed in turn, round after round, so that a noisy machine is noisy to all of them alike."""

import math
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Contender:
    """`work` is timed; `prepare` runs before it each time, `clean` after it, and these are not."""

    work: Callable[[], object]
    prepare: Callable[[], object] = _nothing
    clean: Callable[[], object] = _nothing


def race(contenders: Mapping[str, Contender], *, rounds: int) -> dict[str, list[float]]:
    """Seconds by contender, one for each round. Each round begins with another contender; what is left behind in the
    database or on disk is what the last round left.
    """
    names = list(contenders)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            contenders[name].prepare()
            started = time.perf_counter()
            contenders[name].work()
            seconds[name].append(time.perf_counter() - started)
            contenders[name].clean()
    return seconds


def report(title: str, seconds: Mapping[str, Sequence[float]], *, against: str | None = None, each: int = 1) -> None:
    """Print medians with the least and the greatest, of `each` operations in a round the time of one.

    The ratio is to `against` in the same round, its median with its least and greatest: where these lie on both sides
    of 1, the run does not tell the two apart, and the last column says so.
    """
    rows = []
    for name, times in seconds.items():
        one = [t / each for t in times]
        row = [name, _written(statistics.median(one)), f"{_written(min(one))}..{_written(max(one))}"]
        if against is not None:
            row += _ratio(times, seconds[against]) if name != against else ["1", "", ""]
        rows.append(row)
    head = [title, "median", "min..max"]
    table([*head, *(["ratio", "min..max", ""] if against is not None else [])], rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns: the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, *rows]:
        cells = [
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
    print()


def machine() -> str:
    """What the figures were taken on, in a line."""
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def _ratio(times: Sequence[float], rivals: Sequence[float]) -> list[str]:
    ratios = [t / rival for t, rival in zip(times, rivals, strict=True)]
    alike = "not told apart" if min(ratios) <= 1 <= max(ratios) else ""
    return [f"{statistics.median(ratios):.3g}", f"{min(ratios):.3g}..{max(ratios):.3g}", alike]


def _written(seconds: float) -> str:
    """Three digits, or more before the point, and a unit."""
    value, unit = seconds * 1e6, "us"
    for larger in ("ms", "s"):
        if value >= 1000:
            value, unit = value / 1000, larger
    return f"{value:.{max(0, 2 - int(math.log10(value)))}f} {unit}"
