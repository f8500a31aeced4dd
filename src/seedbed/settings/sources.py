"""What each setting was set to, and by which line of which file or which variable of the process."""

import difflib
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from io import StringIO
from pathlib import Path

from dotenv.parser import parse_stream

from seedbed.errors import InvalidEnvFile

_PREFIX = "SEEDBED_"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_NEAR = 0.85
"""How alike two names are, by difflib's ratio, when one is a slip of the pen for the other."""


class SourceKind(StrEnum):
    """The kinds of places a value comes from."""

    OPTION = "option"
    PROCESS = "process"
    FILE = "file"
    DEFAULT = "default"
    DERIVED = "derived"


@dataclass(frozen=True)
class Origin:
    """Where a value came from, as a user would look for it: `.env.production, line 3`."""

    kind: SourceKind
    place: str

    def __str__(self) -> str:
        return self.place

    def describe(self, variable: str) -> str:
        """With the variable's name: `DATABASE_URL in .env.production, line 3`."""
        return f"{variable} in {self.place}" if self.kind in {SourceKind.FILE, SourceKind.PROCESS} else self.place


DEFAULT_ORIGIN = Origin(SourceKind.DEFAULT, "default")
PROCESS_ORIGIN = Origin(SourceKind.PROCESS, "the process's environment")


@dataclass(frozen=True)
class SourcedValue:
    """A raw value with its origin; the value may be a secret, so it has no place in a repr.

    `comment` is what followed a # in an unquoted value of a file: a comment, or the rest of a password.
    """

    value: str
    origin: Origin
    comment: str = ""

    def __repr__(self) -> str:
        return f"Sourced({self.origin})"


def list_environment_files(root: Path, environment: str) -> tuple[Path, Path, Path]:
    """The files an environment reads, the first overridden by the later ones."""
    return (root / ".env", root / f".env.{environment}", root / f".env.{environment}.local")


def read_environment_file(file: Path) -> dict[str, SourcedValue]:
    """Read one .env file, if it exists, without expanding `$NAME`: a password may hold a dollar.

    Raises:
        InvalidEnvFile: a line is not NAME=value, or the file cannot be read as text; nothing of it is
            repeated.
    """
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InvalidEnvFile(file.name, error.strerror or "it is no file") from error
    text: str | None = None
    with suppress(UnicodeDecodeError):  # it has the file's text, so it must not be the context of what is raised
        text = raw.decode("utf-8-sig")
    if text is None:
        raise InvalidEnvFile(file.name, "it is not UTF-8 text")
    values = {}
    for binding in parse_stream(StringIO(text)):
        place = f"{file.name}, line {binding.original.line + _blank_lines_before(binding.original.string)}"
        if binding.error or not _NAME.fullmatch(binding.key or "_"):
            raise InvalidEnvFile(place, "it is neither NAME=value nor a comment")
        if binding.key is not None and binding.value is not None:
            cut = _cut(binding.original.string.partition("=")[2].strip())
            values[binding.key] = SourcedValue(binding.value, Origin(SourceKind.FILE, place), cut)
    return values


def read_process_environment(environ: Mapping[str, str]) -> dict[str, SourcedValue]:
    return {name: SourcedValue(value, PROCESS_ORIGIN) for name, value in environ.items()}


def find_unknown_names(values: Mapping[str, SourcedValue], known: Iterable[str]) -> dict[str, str | None]:
    """The names that were meant as settings and are none, each with the setting it was probably meant to be.

    Other programs keep their own names in the same files, so only two kinds count: what begins with SEEDBED_, and in a
    file a slip of the pen for a setting that nothing else sets.
    """
    known = list(known)
    found: dict[str, str | None] = {}
    for name, sourced in values.items():
        if name in known:
            continue
        near = difflib.get_close_matches(name, known, n=1, cutoff=_NEAR)
        meant = near[0] if near else None
        slip = sourced.origin.kind is SourceKind.FILE and meant is not None and meant not in values
        if name.startswith(_PREFIX) or slip:
            found[name] = meant
    return found


def _cut(written: str) -> str:
    """What python-dotenv takes for a comment: from a # after a space, unless the value is in quotes."""
    found = None if written[:1] in {"'", '"'} else re.search(r"\s#(.*)", written)
    return found[1] if found else ""


def _blank_lines_before(original: str) -> int:
    return original[: len(original) - len(original.lstrip())].count("\n")
