"""Alembic run inside Alembic."""

from collections.abc import Iterator
from contextlib import contextmanager

import alembic.context
import alembic.op


@contextmanager
def nest_alembic() -> Iterator[None]:
    """Let Alembic run inside Alembic: the inner run takes the proxies of `alembic.op` and `alembic.context` away with
    it, so the outer one's are put back.
    """
    outer = [
        proxy for module in (alembic.context, alembic.op) if (proxy := getattr(module, "_proxy", None)) is not None
    ]
    try:
        yield
    finally:
        for proxy in outer:
            proxy._install_proxy()  # noqa: SLF001 - Alembic has no public way to nest, and this is what it does itself
