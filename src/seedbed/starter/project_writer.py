"""A new project written into a folder, whole or not at all."""

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
from seedbed.starter.components import Parts

_NAME = "my-project"
"""What the packaged files are called after; the new project's name takes its place where it stands."""

_NAMED = ("pyproject.toml", "README.md")
_LAST = "pyproject.toml"
"""Until it is there, the folder is no project."""


@dataclass(frozen=True)
class Written:
    """A new project, and its files relative to its folder."""

    folder: Path
    name: str
    files: tuple[str, ...]


def write(folder: Path, parts: Parts = Parts()) -> Written:  # noqa: B008 - a frozen value
    """Begin a project in a folder that is empty, is missing, or has nothing that a project has.

    The files are this package's own, and what they share with the reference project is kept the same by a test. So is
    the first migration: it is shipped rather than drafted here, because writing a folder then needs no PostgreSQL, and
    because that very file is the one that was proven.

    They are written beside their places first and then moved there, so a full disk or an error leaves the folder as it
    was.

    Raises:
        ExistingProjectFiles: with the names; nothing is overwritten.
        ProjectDirectoryNotWritable: it cannot be made or written.
    """
    folder = folder.resolve()
    if folder.exists() and not folder.is_dir():
        raise ProjectDirectoryNotWritable(folder, "it is no folder")
    name = _name_of(folder)
    contents = {
        str(path): _text(path, file, name, parts)
        for path, file in _packaged(files("seedbed.starter") / "files", PurePosixPath())
        if not parts.leaves_out(str(path))
    }
    tops = {PurePosixPath(path).parts[0] for path in contents}
    if taken := [top for top in sorted(tops) if os.path.lexists(folder / top)]:
        raise ExistingProjectFiles(folder, taken)
    try:
        _put(folder, contents, sorted(tops, key=lambda top: top == _LAST))
    except OSError as error:
        raise ProjectDirectoryNotWritable(folder, error.strerror or str(error)) from error
    return Written(folder, name, tuple(sorted(contents)))


def _put(folder: Path, contents: dict[str, bytes], parts: list[str]) -> None:
    made = [step for step in (folder, *folder.parents) if not step.exists()]
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
        for left in (*moved, *filter(None, [staging])):
            _remove(left)
        for step in made:
            with suppress(OSError):
                step.rmdir()
        raise


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _packaged(folder: Traversable, at: PurePosixPath) -> Iterator[tuple[PurePosixPath, Traversable]]:
    for entry in folder.iterdir():
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _packaged(entry, at / entry.name)
        elif entry.is_file():
            yield at / entry.name, entry


def _text(path: PurePosixPath, file: Traversable, name: str, parts: Parts) -> bytes:
    content = parts.chosen(file.read_text(encoding="utf-8"))
    return (content.replace(_NAME, name) if str(path) in _NAMED else content).encode()


def _name_of(folder: Path) -> str:
    """The folder's name as a distribution may be called."""
    word = re.sub(r"[^a-z0-9]+", "-", folder.name.lower()).strip("-")
    return word or _NAME
