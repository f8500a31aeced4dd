"""Pools of Faker values. Entry j depends only on the provider and j, and is made on first use."""

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date, datetime
from functools import cached_property, lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

from seedbed.extras import get_faker_version, require_extra
from seedbed.seeding.core.column_batch import ValuePool

LOCALE = "en_US"
SIZE = 2048
_TRIES, _RETRY_OFFSET = 32, 2**32
"""The number of values to try until one fits its column, and the distance of their indices."""
_TIME_PROVIDERS = re.compile(r"date|time|birth|year|month|century")
"""Providers whose values depend on the current date."""


class ProviderNotUsable(ValueError):
    """Faker has no such provider, or it does not take these arguments; the message says which."""


class NoValueFits(ProviderNotUsable):
    """Values of a provider are longer than a column and must not be cut."""


class FakerPools:
    """The Faker pools of a plan. Faker takes `as_of` for the current time."""

    def __init__(
        self, as_of: datetime, cache: "FakerCache | None" = None, locale: str | tuple[str, ...] = LOCALE
    ) -> None:
        self._as_of, self._cache, self._locale = as_of, cache, locale
        self._pools: dict[str, ValuePool] = {}

    def faker(
        self,
        provider: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        longest: int | None = None,
        size: int = SIZE,
        locale: str | None = None,
        providers: tuple[type, ...] = (),
        whole: bool = False,
    ) -> ValuePool:
        """Values of a provider. A text longer than `longest` ends with a whole word before it; one that must stay
        `whole` gives way to another that fits.

        An entry that cannot be made raises ProviderNotUsable when a row needs it.
        """
        sorted_arguments = tuple(sorted((arguments or {}).items()))
        name = f"{locale or self._locale}/{provider}/{sorted_arguments!r}"
        key = f"{name}/{longest}/{size}/{whole}"
        if key not in self._pools:
            clock = self._as_of if _TIME_PROVIDERS.search(provider) else None
            cache = None if clock is not None or providers else self._cache
            maker = _Provider(name, provider, dict(sorted_arguments), locale or self._locale, clock, providers, cache)
            self._pools[key] = ValuePool(name, size, lambda j: _find_fitting_entry(maker, j, longest, whole=whole))
        return self._pools[key]

    def words(self, provider: str, size: int) -> tuple[str, ...]:
        """Return the distinct values of a provider as lower-case ASCII words. Faker's en_US has 675 first names, and
        two may differ only by an accent.
        """
        return tuple(word for _, word in self.names(provider, size))

    def names(self, provider: str, size: int) -> tuple[tuple[str, str], ...]:
        """Return pairs of a value and its word, as `words` makes them."""
        return _make_names(self, provider, size)

    def save(self) -> None:
        """Write new values to disk for the next run."""
        if self._cache is not None:
            self._cache.save()

    def digest_entries(self) -> Mapping[str, str]:
        """Return a digest of the first entries of each pool, which shows whether a new Faker version changes values."""
        digests = {}
        for pool in self._pools.values():
            entries = [repr(pool.entry(j)) for j in range(min(pool.size, 16))]
            digests[pool.name] = blake2b("\n".join(entries).encode(), digest_size=6).hexdigest()
        return dict(sorted(digests.items()))


class FakerCache:
    """Faker values of earlier runs, in a file per provider. Files that cannot be read or written are ignored."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / f"faker-{get_faker_version()}"
        self._texts: dict[str, dict[str, str]] = {}
        self.changed: set[str] = set()

    def texts(self, name: str) -> dict[str, str]:
        if name not in self._texts:
            try:
                content = json.loads(self._file(name).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                content = {}
            is_valid = isinstance(content, dict) and content.get("name") == name
            self._texts[name] = dict(content["texts"]) if is_valid else {}
        return self._texts[name]

    def save(self) -> None:
        for name in sorted(self.changed):
            file = self._file(name)
            with suppress(OSError):
                file.parent.mkdir(parents=True, exist_ok=True)
                beside = file.with_suffix(f".{os.getpid()}")
                beside.write_text(json.dumps({"name": name, "texts": self._texts[name]}), encoding="utf-8")
                beside.replace(file)
        self.changed.clear()

    def _file(self, name: str) -> Path:
        return self._folder / f"{blake2b(name.encode(), digest_size=12).hexdigest()}.json"


def _find_fitting_entry(maker: "_Provider", j: int, longest: int | None, *, whole: bool) -> Any:
    if not whole:
        return truncate(maker.entry(j), longest)
    for attempt in range(_TRIES):
        entry = maker.entry(j + attempt * _RETRY_OFFSET)
        if longest is None or not isinstance(entry, str) or len(entry) <= longest:
            return entry
    raise NoValueFits(f"{maker.shown} gives no value of at most {longest} characters, as its column wants.")


def truncate(entry: Any, longest: int | None) -> Any:
    if not isinstance(entry, str) or longest is None or len(entry) <= longest:
        return entry
    whole = entry[: longest + 1].rpartition(" ")[0].rstrip(" ,;")
    return whole if len(whole) > longest // 2 else entry[:longest].rstrip()


@lru_cache(maxsize=64)
def _make_names(pools: FakerPools, provider: str, size: int) -> tuple[tuple[str, str], ...]:
    names_by_word: dict[str, str] = {}
    for name in pools.faker(provider, size=size).make_all():
        word = "".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum())
        names_by_word.setdefault(word, name)
    return tuple((name, word) for word, name in names_by_word.items() if word)


class _Provider:
    """A Faker provider. Faker is imported with the first entry, because the import takes half a second."""

    def __init__(
        self,
        name: str,
        provider: str,
        arguments: Mapping[str, Any],
        locale: str | tuple[str, ...],
        clock: datetime | None,
        providers: tuple[type, ...],
        cache: "FakerCache | None",
    ) -> None:
        self._cache = cache
        self._name, self._provider, self._arguments = name, provider, dict(arguments)
        self._locale, self._clock, self._providers = locale, clock, providers

    @property
    def shown(self) -> str:
        return f"faker({self._provider!r})"

    @cached_property
    def _cached_texts(self) -> dict[str, str]:
        return {} if self._cache is None else self._cache.texts(self._name)

    def entry(self, j: int) -> Any:
        if (cached := self._cached_texts.get(str(j))) is not None:
            return cached
        maker, make = self._maker
        maker.seed_instance(int.from_bytes(blake2b(f"{self._name}/{j}".encode(), digest_size=8).digest(), "little"))
        try:
            if self._clock is None:
                value = make(**self._arguments)
            else:
                with _freeze_today(self._clock):
                    value = make(**self._arguments)
        except Exception as error:
            raise ProviderNotUsable(f"faker({self._provider!r}): {type(error).__name__}: {error}") from error
        if isinstance(value, str) and self._cache is not None:
            self._cached_texts[str(j)] = value
            self._cache.changed.add(self._name)
        return value

    @cached_property
    def _maker(self) -> tuple[Any, Callable[..., Any]]:
        require_extra("seed", self.shown)
        maker = _make_faker(self._locale, self._providers)
        if isinstance(self._locale, str):
            maker = maker.factories[0]  # one locale needs no proxy, which costs as much again
        make = getattr(maker, self._provider, None)
        if not callable(make):
            raise ProviderNotUsable(f"Faker has no provider {self._provider!r}.")
        return maker, make


@lru_cache(maxsize=16)
def _make_faker(locale: str | tuple[str, ...], providers: tuple[type, ...]) -> Any:
    from faker import Faker  # noqa: PLC0415 - half a second, and rows that are there already need none of it

    maker = Faker(list(locale) if isinstance(locale, tuple) else locale)
    for provider in providers:
        maker.add_provider(provider)
    return maker


class _InstanceOfOriginal(type):
    """Makes isinstance() accept instances of the original class while the name refers to the replacement."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.__mro__[1])


@contextmanager
def _freeze_today(clock: datetime | None) -> Iterator[None]:
    """Replace the `datetime` and `dtdate` that Faker's date provider reads the current date from."""
    if clock is None:
        yield
        return
    moment = clock
    from faker.providers import date_time as module  # noqa: PLC0415 - Faker is imported when it is used

    kept = {name: getattr(module, name) for name in ("datetime", "dtdate")}

    class Then(datetime, metaclass=_InstanceOfOriginal):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return moment.astimezone(tz) if tz is not None else moment.replace(tzinfo=None)

    class Day(date, metaclass=_InstanceOfOriginal):
        @classmethod
        def today(cls) -> date:  # type: ignore[override]
            return date(moment.year, moment.month, moment.day)

    setattr(module, "datetime", Then)  # noqa: B010 - mypy knows the name as a class
    setattr(module, "dtdate", Day)  # noqa: B010
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(module, name, value)
