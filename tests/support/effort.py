"""How much a test repeats: few times while somebody works, more often in CI, and many times before a release.

`scripts/test --quick` and `--thorough` set TEST_EFFORT. A variable such as TEST_KILLS sets one number.
"""

import os


def repetitions(name: str, *, usual: int, quick: int | None = None, thorough: int | None = None) -> int:
    """Return how often to repeat, from TEST_`name` if it is set, and otherwise from the effort."""
    if (value := os.environ.get(f"TEST_{name}")) is not None:
        return int(value)
    chosen = {"quick": quick, "thorough": thorough}.get(os.environ.get("TEST_EFFORT", "usual"))
    return usual if chosen is None else chosen
