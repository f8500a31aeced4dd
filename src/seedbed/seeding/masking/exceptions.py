"""Exceptions for data that the models do not describe: keep it or empty it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from seedbed.postgres.quoting import delimit_identifier
from seedbed.settings import Project

Path = tuple[str, ...]
"""The parts of a name: schema, table and, for a column, its name."""

_PART = re.compile(r'"((?:[^"]|"")*)"|([^."]+)')
_IMPLIED = ("public", "pg_catalog")


@dataclass(frozen=True)
class MaskingExceptions:
    """Patterns of tables and columns, such as `audit.log`, `person.legacy` or `neon_auth.*`; `public.` is optional.

    `required` has the patterns that must match something: those from the command line. A project's settings apply to
    several databases, which can have different tables.
    """

    keep: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()

    @classmethod
    def from_project(cls, project: Project, keep: Sequence[str] = (), empty: Sequence[str] = ()) -> "MaskingExceptions":
        """Combine the exceptions in a project's settings with those from the command line."""
        return cls((*project.masking_keep, *keep), (*project.masking_empty, *empty), frozenset([*keep, *empty]))

    def keeps(self, path: Path) -> bool:
        return any(matches(pattern, path) for pattern in self.keep)

    def empties(self, path: Path) -> bool:
        return any(matches(pattern, path) for pattern in self.empty)

    def list_unmatched(self, paths: Iterable[Path]) -> list[str]:
        """List the required patterns that match none of these paths."""
        candidates = list(paths)
        return sorted(pattern for pattern in self.required if not any(matches(pattern, path) for path in candidates))


def matches(pattern: str, path: Path) -> bool:
    """Compare a pattern with a path part by part, so that `*` never matches a dot."""
    parts = [(quoted.replace('""', '"'), plain) for quoted, plain in _PART.findall(pattern)]
    forms = [path, path[1:]] if path[0] in _IMPLIED else [path]
    return any(
        len(form) == len(parts)
        and all(
            fnmatchcase(name, plain) if plain else name == quoted
            for name, (quoted, plain) in zip(form, parts, strict=True)
        )
        for form in forms
    )


def format_path(path: Path) -> str:
    """Format a path as messages show it and options accept it."""
    parts = path[1:] if path[0] in _IMPLIED else path
    return ".".join(part if re.fullmatch(r"[^.\"*?\[\s]+", part) else delimit_identifier(part) for part in parts)
