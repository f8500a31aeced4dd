"""Faker's values, made once each and then sampled: entry j of a pool is a function of its provider and j alone."""

from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

LOCALE = "en_US"


class ProviderNotUsable(ValueError):
    """Faker has no such provider, or it does not take these arguments; the message says which."""


def pool(
    provider: str, size: int, arguments: Mapping[str, Any] | None = None, *, longest: int | None = None
) -> tuple[Any, ...]:
    """`size` values of a Faker provider, in an order that never changes; some may be equal, and texts are cut at
    `longest`.

    Raises:
        ProviderNotUsable: it cannot be called like this.
    """
    return _pool(provider, _Arguments(tuple(sorted((arguments or {}).items()))), size, longest)


@lru_cache(maxsize=64)
def words(provider: str, size: int) -> tuple[str, ...]:
    """The values of a pool as lower-case ASCII words without repeats: Faker's en_US has 675 first names, however many
    are drawn, and two may differ by an accent alone.
    """
    plain = (
        "".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum())
        for name in pool(provider, size)
    )
    return tuple(dict.fromkeys(plain))


class _Arguments(tuple[tuple[str, Any], ...]):
    """Arguments as part of a cache's key: compared as they are written, since some cannot be hashed."""

    __slots__ = ()

    def __hash__(self) -> int:
        return hash(repr(self))

    def __eq__(self, other: object) -> bool:
        return repr(self) == repr(other)


@lru_cache(maxsize=256)
def _pool(provider: str, arguments: _Arguments, size: int, longest: int | None) -> tuple[Any, ...]:
    from faker import Faker  # noqa: PLC0415 - half a second, and rows that are there already need none of it

    maker = Faker(LOCALE)
    make = getattr(maker, provider, None)
    if not callable(make):
        raise ProviderNotUsable(f"Faker has no provider {provider!r}.")
    entries = []
    for j in range(size):
        name = f"{LOCALE}/{provider}/{tuple(arguments)!r}/{j}"
        maker.seed_instance(int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little"))
        try:
            entry = make(**dict(arguments))
        except Exception as error:
            raise ProviderNotUsable(f"faker({provider!r}): {type(error).__name__}: {error}") from error
        entries.append(entry[:longest] if isinstance(entry, str) else entry)
    return tuple(entries)
