"""Pools of Faker's values. Entry j depends only on its provider and j, and is made on first use."""

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
from seedbed.seeding.core.batch import Pool

LOCALE = "en_US"
SIZE = 2048
_TRIES, _FURTHER = 32, 2**32
"""Values that are tried until one fits its column, and how far these are from one another."""
_CLOCKS = re.compile(r"date|time|birth|year|month|century")
"""Providers that reckon from today, and so are given `as_of` for it."""


class ProviderNotUsable(ValueError):
    """Faker has no such provider, or it does not take these arguments; the message says which."""


class NoValueFits(ProviderNotUsable):
    """Values of a provider are longer than a column and must not be cut."""


class Pools:
    """The pools of a plan. `as_of` is the only clock that Faker is shown."""

    def __init__(self, as_of: datetime, shelf: "Shelf | None" = None, locale: str | tuple[str, ...] = LOCALE) -> None:
        self._as_of, self._shelf, self._locale = as_of, shelf, locale
        self._pools: dict[str, Pool] = {}

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
    ) -> Pool:
        """Values of a provider. A text longer than `longest` ends with a whole word before it; one that must stay
        `whole` gives way to another that fits.

        An entry that cannot be made raises ProviderNotUsable when a row needs it.
        """
        given = tuple(sorted((arguments or {}).items()))
        name = f"{locale or self._locale}/{provider}/{given!r}"
        key = f"{name}/{longest}/{size}/{whole}"
        if key not in self._pools:
            clock = self._as_of if _CLOCKS.search(provider) else None
            shelf = None if clock is not None or providers else self._shelf
            maker = _Provider(name, provider, dict(given), locale or self._locale, clock, providers, shelf)
            self._pools[key] = Pool(name, size, lambda j: _fitting(maker, j, longest, whole=whole))
        return self._pools[key]

    def words(self, provider: str, size: int) -> tuple[str, ...]:
        """The values of a provider as lower-case ASCII words without repeats: Faker's en_US has 675 first names,
        however many are drawn, and two may differ by an accent alone.
        """
        return tuple(word for _, word in self.names(provider, size))

    def names(self, provider: str, size: int) -> tuple[tuple[str, str], ...]:
        """The same with the value that each word was made of."""
        return _names(self, provider, size)

    def keep(self) -> None:
        """Write what was made to disk, for the next run."""
        if self._shelf is not None:
            self._shelf.keep()

    def made(self) -> Mapping[str, str]:
        """A digest of the first entries of every pool, by its name: an upgrade of Faker that changes any shows."""
        found = {}
        for pool in self._pools.values():
            entries = [repr(pool.entry(j)) for j in range(min(pool.size, 16))]
            found[pool.name] = blake2b("\n".join(entries).encode(), digest_size=6).hexdigest()
        return dict(sorted(found.items()))


class Shelf:
    """Texts of earlier runs, in a file for each provider. A file that cannot be read or written is no loss."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / f"faker-{get_faker_version()}"
        self._texts: dict[str, dict[str, str]] = {}
        self.changed: set[str] = set()

    def texts(self, name: str) -> dict[str, str]:
        if name not in self._texts:
            try:
                found = json.loads(self._file(name).read_text(encoding="utf-8"))
            except (OSError, ValueError):
                found = {}
            right = isinstance(found, dict) and found.get("name") == name
            self._texts[name] = dict(found["texts"]) if right else {}
        return self._texts[name]

    def keep(self) -> None:
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


def _fitting(maker: "_Provider", j: int, longest: int | None, *, whole: bool) -> Any:
    if not whole:
        return cut(maker.entry(j), longest)
    for attempt in range(_TRIES):
        entry = maker.entry(j + attempt * _FURTHER)
        if longest is None or not isinstance(entry, str) or len(entry) <= longest:
            return entry
    raise NoValueFits(f"{maker.shown} gives no value of at most {longest} characters, as its column wants.")


def cut(entry: Any, longest: int | None) -> Any:
    if not isinstance(entry, str) or longest is None or len(entry) <= longest:
        return entry
    whole = entry[: longest + 1].rpartition(" ")[0].rstrip(" ,;")
    return whole if len(whole) > longest // 2 else entry[:longest].rstrip()


@lru_cache(maxsize=64)
def _names(pools: Pools, provider: str, size: int) -> tuple[tuple[str, str], ...]:
    found: dict[str, str] = {}
    for name in pools.faker(provider, size=size).all():
        word = "".join(letter for letter in name.lower() if letter.isascii() and letter.isalnum())
        found.setdefault(word, name)
    return tuple((name, word) for word, name in found.items() if word)


class _Provider:
    """A provider of one Faker, which is made when the first entry is: importing it takes half a second."""

    def __init__(
        self,
        name: str,
        provider: str,
        arguments: Mapping[str, Any],
        locale: str | tuple[str, ...],
        clock: datetime | None,
        providers: tuple[type, ...],
        shelf: "Shelf | None",
    ) -> None:
        self._shelf = shelf
        self._name, self._provider, self._arguments = name, provider, dict(arguments)
        self._locale, self._clock, self._providers = locale, clock, providers

    @property
    def shown(self) -> str:
        return f"faker({self._provider!r})"

    @cached_property
    def _made_before(self) -> dict[str, str]:
        return {} if self._shelf is None else self._shelf.texts(self._name)

    def entry(self, j: int) -> Any:
        if (found := self._made_before.get(str(j))) is not None:
            return found
        maker, make = self._maker
        maker.seed_instance(int.from_bytes(blake2b(f"{self._name}/{j}".encode(), digest_size=8).digest(), "little"))
        try:
            if self._clock is None:
                made = make(**self._arguments)
            else:
                with _as_if_today_were(self._clock):
                    made = make(**self._arguments)
        except Exception as error:
            raise ProviderNotUsable(f"faker({self._provider!r}): {type(error).__name__}: {error}") from error
        if isinstance(made, str) and self._shelf is not None:
            self._made_before[str(j)] = made
            self._shelf.changed.add(self._name)
        return made

    @cached_property
    def _maker(self) -> tuple[Any, Callable[..., Any]]:
        require_extra("seed", self.shown)
        maker = _faker(self._locale, self._providers)
        if isinstance(self._locale, str):
            maker = maker.factories[0]  # one locale needs no proxy, which costs as much again
        make = getattr(maker, self._provider, None)
        if not callable(make):
            raise ProviderNotUsable(f"Faker has no provider {self._provider!r}.")
        return maker, make


@lru_cache(maxsize=16)
def _faker(locale: str | tuple[str, ...], providers: tuple[type, ...]) -> Any:
    from faker import Faker  # noqa: PLC0415 - half a second, and rows that are there already need none of it

    maker = Faker(list(locale) if isinstance(locale, tuple) else locale)
    for provider in providers:
        maker.add_provider(provider)
    return maker


class _SameKind(type):
    """What is a date stays one, although the name stands for another class for a moment."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, cls.__mro__[1])


@contextmanager
def _as_if_today_were(clock: datetime | None) -> Iterator[None]:
    """Faker reckons from the `datetime` and `dtdate` of its own module; for a moment these have another today."""
    if clock is None:
        yield
        return
    moment = clock
    from faker.providers import date_time as module  # noqa: PLC0415 - Faker is imported when it is used

    kept = {name: getattr(module, name) for name in ("datetime", "dtdate")}

    class Then(datetime, metaclass=_SameKind):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return moment.astimezone(tz) if tz is not None else moment.replace(tzinfo=None)

    class Day(date, metaclass=_SameKind):
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
