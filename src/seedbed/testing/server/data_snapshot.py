"""The data of a server with its templates in it, kept on disk between runs of tests."""

import json
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

from filelock import FileLock

from seedbed.errors import DataDirectoryNotWritable, SeedbedError
from seedbed.postgres.embedded import Binaries, throwaway_server
from seedbed.postgres.embedded.state_files import read_state
from seedbed.settings import Project
from seedbed.testing.databases.fingerprint import are_unchanged
from seedbed.testing.databases.server_access import ServerAccess
from seedbed.testing.databases.template import TEMPLATE_PREFIX, TemplateStore

_KEPT = 4
"""Snapshots of a project that stay: whoever changes between branches has each made once."""

_DIGITS = 12
_READ = "read.json"
"""What was read to make a snapshot, beside what its name says."""


def ensure_snapshot(templates: TemplateStore, binaries: Binaries, seeds: Collection[str] = ()) -> Path:
    """A folder to start a server from that has the project's usual template, and those of other `seeds`; made first
    where there is none.

    It is made under another name and renamed when it is whole, by one process at a time; the lock goes with its
    process, so one that dies is replaced. Those that were not used for longest are removed.

    Raises:
        RevisionFailure, InvalidSeedsFile and others: as the commands would say it.
    """
    base = ensure_storage_directory(templates.project)
    others = sorted(set(seeds) - {templates.default_seed})
    usual = base / f"{templates.name_prefix(templates.default_seed).removeprefix(TEMPLATE_PREFIX)}-{_user()}"
    target = usual.with_name(f"{usual.name}-{_digest(templates, others)}") if others else usual
    with FileLock(base / "lock", mode=0o600):
        project = templates.project
        if not others and not _is_usable(project, usual):  # one that has more will do
            more = base.glob(f"{usual.name}-{'?' * _DIGITS}")
            target = next((one for one in more if _is_usable(project, one)), usual)
        if not _is_usable(project, target):
            begin_from = usual if others and _is_usable(project, usual) else None
            _make(templates, binaries, target, others, begin_from=begin_from)
        os.utime(target)
        _collect(base, target)
    return target


def owner_role_name(project: Project) -> str:
    return f"{project.identifier}_owner"


def ensure_storage_directory(project: Project) -> Path:
    """The project's own folder for what tests keep; or one in the user's cache, where that cannot be written."""
    inside = project.root / ".seedbed"
    try:
        return _made(inside)
    except OSError:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seedbed" / project.identifier
        with suppress(OSError):
            return _made(cache)
        shared = Path(tempfile.gettempdir()) / f"seedbed-{_user()}-{project.identifier}"
        shared.mkdir(exist_ok=True, mode=0o700)
        if shared.lstat().st_uid != _user():  # whoever made it could have put another's programs into it
            raise DataDirectoryNotWritable(shared, "it belongs to another user") from None
        return _made(shared)


def _made(folder: Path) -> Path:
    """Only this user may look in: there are passwords."""
    base = folder / f"tests-{_user()}"
    base.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / ".gitignore").exists():
        (folder / ".gitignore").write_text("*\n", encoding="ascii")
    if not os.access(base, os.W_OK | os.X_OK):
        raise PermissionError(base)
    return base


def _digest(templates: TemplateStore, seeds: list[str]) -> str:
    return sha256(" ".join(templates.name_prefix(seed) for seed in seeds).encode()).hexdigest()[:_DIGITS]


def _make(
    templates: TemplateStore, binaries: Binaries, target: Path, others: list[str], *, begin_from: Path | None
) -> None:
    building = target.with_name(f"{target.name}.new")
    for left in (building, target):
        shutil.rmtree(left, ignore_errors=True)
    with throwaway_server(binaries, kept=begin_from) as server:
        host = ServerAccess.from_embedded(server, owner_role_name(templates.project))
        read = dict(templates.ensure(host, templates.default_seed).file_digests)
        for seed in others:
            with suppress(SeedbedError):  # said to the test that asks for it, and to no other
                read |= templates.ensure(host, seed).file_digests
        server.keep(building)
    (building / _READ).write_text(json.dumps(read), encoding="utf-8")
    building.rename(target)


def _is_usable(project: Project, folder: Path) -> bool:
    """Whether it is whole, and made of files that are as they were."""
    if read_state(folder) is None:
        return False
    try:
        return are_unchanged(project, json.loads((folder / _READ).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return False


def _collect(base: Path, used: Path) -> None:
    old = [folder for folder in base.glob("*-*") if folder.is_dir() and folder != used]
    for folder in sorted(old, key=_used, reverse=True)[_KEPT - 1 :]:
        shutil.rmtree(folder, ignore_errors=True)


def _used(folder: Path) -> float:
    with suppress(FileNotFoundError):
        return folder.stat().st_mtime
    return 0.0


def _user() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0


@contextmanager
def snapshot_lock(kept: Path) -> Iterator[None]:
    """Keep other runs from removing a snapshot while it is copied."""
    with FileLock(kept.parent / "lock", mode=0o600):
        yield
