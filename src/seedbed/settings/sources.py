"""Read settings from .env files and the process, with the origin of each value."""

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
_SIMILARITY_CUTOFF = 0.85
"""The lowest difflib ratio at which one name counts as a misspelling of another."""


class SourceKind(StrEnum):
    """The type of a value's source."""

    OPTION = "option"
    PROCESS = "process"
    FILE = "file"
    DEFAULT = "default"
    DERIVED = "derived"


@dataclass(frozen=True)
class Origin:
    """The place that sets a value, as messages show it, such as `.env.production, line 3`."""

    kind: SourceKind
    place: str

    def __str__(self) -> str:
        return self.place

    def describe(self, variable: str) -> str:
        """Return the origin with the variable's name, such as `DATABASE_URL in .env.production, line 3`."""
        return f"{variable} in {self.place}" if self.kind in {SourceKind.FILE, SourceKind.PROCESS} else self.place


COMMAND_LINE_ORIGIN = Origin(SourceKind.OPTION, "the command line")
DEFAULT_ORIGIN = Origin(SourceKind.DEFAULT, "default")
PROCESS_ORIGIN = Origin(SourceKind.PROCESS, "the process's environment")


@dataclass(frozen=True)
class SourcedValue:
    """A raw value with its origin. The repr omits the value, because it may be a secret.

    `comment` is the text after a # in an unquoted value of a file. It is a comment, or the rest of a password.
    """

    value: str
    origin: Origin
    comment: str = ""

    def __repr__(self) -> str:
        return f"SourcedValue({self.origin})"


def list_environment_files(root: Path, environment: str) -> tuple[Path, Path, Path]:
    """Return the files of an environment. Later files override earlier ones."""
    return (root / ".env", root / f".env.{environment}", root / f".env.{environment}.local")


def read_environment_file(file: Path) -> dict[str, SourcedValue]:
    """Read one .env file. Return an empty dictionary if the file does not exist.

    `$NAME` is not expanded, because a password may contain a dollar sign.

    Raises:
        InvalidEnvFile: a line is not NAME=value, or the file is not text. The error does not contain the text.
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
        place = f"{file.name}, line {binding.original.line + _count_blank_lines_before(binding.original.string)}"
        if binding.error or not _NAME.fullmatch(binding.key or "_"):
            raise InvalidEnvFile(place, "it is neither NAME=value nor a comment")
        if binding.key is not None and binding.value is not None:
            cut = _find_comment(binding.original.string.partition("=")[2].strip())
            values[binding.key] = SourcedValue(binding.value, Origin(SourceKind.FILE, place), cut)
    return values


def read_process_environment(environ: Mapping[str, str]) -> dict[str, SourcedValue]:
    return {name: SourcedValue(value, PROCESS_ORIGIN) for name, value in environ.items()}


def find_unknown_names(values: Mapping[str, SourcedValue], known: Iterable[str]) -> dict[str, str | None]:
    """Return names that look like settings but are not, each with the most similar setting.

    Other programs have variables in the same files, so only two types of names count: names that begin with SEEDBED_,
    and names in a file that are misspellings of a setting that is not set anywhere else.
    """
    known = list(known)
    unknown: dict[str, str | None] = {}
    for name, sourced in values.items():
        if name in known:
            continue
        matches = difflib.get_close_matches(name, known, n=1, cutoff=_SIMILARITY_CUTOFF)
        suggestion = matches[0] if matches else None
        is_misspelling = sourced.origin.kind is SourceKind.FILE and suggestion is not None and suggestion not in values
        if name.startswith(_PREFIX) or is_misspelling:
            unknown[name] = suggestion
    return unknown


def _find_comment(raw: str) -> str:
    """Return the comment that python-dotenv removes: the text after a space and a #, unless the value is in quotes."""
    match = None if raw[:1] in {"'", '"'} else re.search(r"\s#(.*)", raw)
    return match[1] if match else ""


def _count_blank_lines_before(original: str) -> int:
    return original[: len(original) - len(original.lstrip())].count("\n")
