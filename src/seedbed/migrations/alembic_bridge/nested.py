"""Run Alembic inside a running Alembic command."""

from collections.abc import Iterator
from contextlib import contextmanager

import alembic.context
import alembic.op


@contextmanager
def nest_alembic() -> Iterator[None]:
    """Allow a nested run of Alembic within a block.

    The inner run removes the proxies of `alembic.op` and `alembic.context`, so those of the outer run are restored.
    """
    outer_proxies = [
        proxy for module in (alembic.context, alembic.op) if (proxy := getattr(module, "_proxy", None)) is not None
    ]
    try:
        yield
    finally:
        for proxy in outer_proxies:
            proxy._install_proxy()  # noqa: SLF001 - Alembic has no public API for nesting and calls this itself
