"""Creation of a new project from the packaged files of the chosen parts, completely or not at all."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

from seedbed.errors import ExistingProjectFiles, ProjectDirectoryNotWritable

PREVIEW_FILES = frozenset({".github/workflows/previews.yml"})
_DOCKER_FILES = frozenset({".dockerignore", "Dockerfile"})

_CONDITIONAL = re.compile(
    r"^(?:#|<!--) (with|without) (docker|neon|service)(?: -->)?\n(.*?)^(?:#|<!--) end(?: -->)?\n",
    re.MULTILINE | re.DOTALL,
)

_PLACEHOLDER_NAME = "my-project"
"""The project name in the packaged files, which the new project's name replaces."""

_FILES_WITH_NAME = ("pyproject.toml", "README.md", "Dockerfile")
_LAST_FILE = "pyproject.toml"
"""Written last, because it makes the directory a project."""


@dataclass(frozen=True)
class ProjectParts:
    """`neon`: the workflow and settings for preview databases on Neon. `service`: the read API. `docker`: an image."""

    neon: bool = True
    service: bool = True
    docker: bool = False

    def excludes(self, file: str) -> bool:
        return (file in PREVIEW_FILES and not self.neon) or (file in _DOCKER_FILES and not self.docker)

    def filter_text(self, text: str) -> str:
        """Remove the passages of excluded parts from a packaged text.

        A passage begins with a line such as `# with neon` or `# without service`, and ends with `# end`. In Markdown,
        these lines are HTML comments.
        """
        parts = {"docker": self.docker, "neon": self.neon, "service": self.service}

        def select(match: re.Match[str]) -> str:
            condition, part, passage = match.groups()
            return passage if parts[part] == (condition == "with") else ""

        return _CONDITIONAL.sub(select, text)


@dataclass(frozen=True)
class CreatedProject:
    """A new project, with its files relative to its directory."""

    directory: Path
    name: str
    files: tuple[str, ...]


def create_project(folder: Path, parts: ProjectParts = ProjectParts()) -> CreatedProject:
    """Create a project in a directory that is missing, empty, or has no project files.

    The files come from this package; a test keeps those that the reference project also has identical. The first
    migration is one of them: it is not drafted here, so this needs no PostgreSQL, and it has been tested as it is.

    The files are written to a staging directory and then moved, so a full disk or an error leaves the directory
    unchanged.

    Raises:
        ExistingProjectFiles: project files exist already; nothing is overwritten.
        ProjectDirectoryNotWritable: the directory cannot be created or written.
    """
    folder = folder.resolve()
    if folder.exists() and not folder.is_dir():
        raise ProjectDirectoryNotWritable(folder, "it is not a directory")
    name = _derive_name(folder)
    contents = {
        str(path): _render(path, file, name, parts)
        for path, file in _list_packaged(files("seedbed.starter") / "files", PurePosixPath())
        if not parts.excludes(str(path))
    }
    tops = {PurePosixPath(path).parts[0] for path in contents}
    if taken := [top for top in sorted(tops) if os.path.lexists(folder / top)]:
        raise ExistingProjectFiles(folder, taken)
    try:
        _write_files(folder, contents, sorted(tops, key=lambda top: top == _LAST_FILE))
    except OSError as error:
        raise ProjectDirectoryNotWritable(folder, error.strerror or str(error)) from error
    return CreatedProject(folder, name, tuple(sorted(contents)))


def _write_files(folder: Path, contents: dict[str, bytes], parts: list[str]) -> None:
    created = [directory for directory in (folder, *folder.parents) if not directory.exists()]
    moved: list[Path] = []
    staging: Path | None = None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".seedbed-init-", dir=folder))
        for path, content in contents.items():
            (staging / path).parent.mkdir(parents=True, exist_ok=True)
            (staging / path).write_bytes(content)
        for part in parts:
            (staging / part).rename(folder / part)
            moved.append(folder / part)
        staging.rmdir()
    except BaseException:
        for leftover in (*moved, *filter(None, [staging])):
            _remove(leftover)
        for directory in created:
            with suppress(OSError):
                directory.rmdir()
        raise


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _list_packaged(folder: Traversable, parent: PurePosixPath) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _list_packaged(entry, parent / entry.name)
        elif entry.is_file():
            yield parent / entry.name, entry


def _render(path: PurePosixPath, file: Traversable, name: str, parts: ProjectParts) -> bytes:
    content = parts.filter_text(file.read_text(encoding="utf-8"))
    return (content.replace(_PLACEHOLDER_NAME, name) if str(path) in _FILES_WITH_NAME else content).encode()


def _derive_name(folder: Path) -> str:
    """Derive a valid distribution name from the directory's name."""
    word = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")
    return word or _PLACEHOLDER_NAME
