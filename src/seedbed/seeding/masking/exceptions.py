"""What a user says about data that the models do not describe: keep it, or empty it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from seedbed.postgres.quoting import delimit_identifier
from seedbed.settings import Project

Path = tuple[str, ...]
"""The parts of a name: schema and table, and the column where it is one."""

_PART = re.compile(r'"((?:[^"]|"")*)"|([^."]+)')
_IMPLIED = ("public", "pg_catalog")


@dataclass(frozen=True)
class Exceptions:
    """Patterns of tables and columns, such as `audit.log`, `person.legacy` or `neon_auth.*`; `public.` may be left out.

    `required` holds those that must match something, as those on the command line do. The settings of a project are for
    several databases, which need not all have the same tables.
    """

    keep: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    required: frozenset[str] = frozenset()

    @classmethod
    def of(cls, project: Project, keep: Sequence[str] = (), empty: Sequence[str] = ()) -> "Exceptions":
        """The exceptions of a project's settings and those given on the command line, which add to them."""
        return cls((*project.masking_keep, *keep), (*project.masking_empty, *empty), frozenset([*keep, *empty]))

    def keeps(self, path: Path) -> bool:
        return any(matches(pattern, path) for pattern in self.keep)

    def empties(self, path: Path) -> bool:
        return any(matches(pattern, path) for pattern in self.empty)

    def unmatched(self, paths: Iterable[Path]) -> list[str]:
        """The required patterns that match none of these."""
        known = list(paths)
        return sorted(pattern for pattern in self.required if not any(matches(pattern, path) for path in known))


def matches(pattern: str, path: Path) -> bool:
    """Compare part by part, so that `*` does not reach from a table's name into its columns."""
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


def shown(path: Path) -> str:
    """A name as a message shows it and an option takes it."""
    parts = path[1:] if path[0] in _IMPLIED else path
    return ".".join(part if re.fullmatch(r"[^.\"*?\[\s]+", part) else delimit_identifier(part) for part in parts)
