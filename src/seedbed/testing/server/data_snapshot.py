"""Keep a snapshot of a server's data directory, with its templates, on disk between test runs."""

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
from seedbed.postgres.embedded import Binaries, run_temporary_server
from seedbed.postgres.embedded.state_files import read_state
from seedbed.settings import Project
from seedbed.testing.databases.fingerprint import are_unchanged
from seedbed.testing.databases.server_access import ServerAccess
from seedbed.testing.databases.template import TEMPLATE_PREFIX, TemplateStore

_KEPT_SNAPSHOTS = 4
"""Snapshots that stay for each project, so that switching branches rebuilds none of them."""

_DIGITS = 12
_DIGESTS_FILE = "read.json"
"""The file in a snapshot with the digests of the files read to build it."""


def ensure_snapshot(templates: TemplateStore, binaries: Binaries, seeds: Collection[str] = ()) -> Path:
    """Return a data directory with the project's default template and those of `seeds`, and build it if it is missing.

    One process at a time builds it, under a temporary name that is changed at the end. The lock ends with its process,
    so if the builder dies, the next process starts over. The least recently used snapshots are removed.

    Raises:
        RevisionFailure, InvalidSeedsFile and others: as from the commands.
    """
    base = ensure_storage_directory(templates.project)
    other_seeds = sorted(set(seeds) - {templates.default_seed})
    default_target = (
        base / f"{templates.name_prefix(templates.default_seed).removeprefix(TEMPLATE_PREFIX)}-{_user_id()}"
    )
    target = (
        default_target.with_name(f"{default_target.name}-{_digest(templates, other_seeds)}")
        if other_seeds
        else default_target
    )
    with FileLock(base / "lock", mode=0o600):
        project = templates.project
        if not other_seeds and not _is_usable(project, default_target):  # a snapshot with more templates is usable too
            larger = base.glob(f"{default_target.name}-{'?' * _DIGITS}")
            target = next((candidate for candidate in larger if _is_usable(project, candidate)), default_target)
        if not _is_usable(project, target):
            base_snapshot = default_target if other_seeds and _is_usable(project, default_target) else None
            _build(templates, binaries, target, other_seeds, base_snapshot=base_snapshot)
        os.utime(target)
        _remove_old(base, target)
    return target


def name_owner_role(project: Project) -> str:
    return f"{project.identifier}_owner"


def ensure_storage_directory(project: Project) -> Path:
    """Return the project's folder for what tests keep. If it is not writable, return one in the user's cache."""
    project_folder = project.root / ".seedbed"
    try:
        return _ensure_private_folder(project_folder)
    except OSError:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seedbed" / project.identifier
        with suppress(OSError):
            return _ensure_private_folder(cache)
        shared = Path(tempfile.gettempdir()) / f"seedbed-{_user_id()}-{project.identifier}"
        shared.mkdir(exist_ok=True, mode=0o700)
        if shared.lstat().st_uid != _user_id():  # its owner could have put other programs into it
            raise DataDirectoryNotWritable(shared, "it belongs to another user") from None
        return _ensure_private_folder(shared)


def _ensure_private_folder(folder: Path) -> Path:
    """Create a folder that only this user can read, because it holds passwords."""
    base = folder / f"tests-{_user_id()}"
    base.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (folder / ".gitignore").exists():
        (folder / ".gitignore").write_text("*\n", encoding="ascii")
    if not os.access(base, os.W_OK | os.X_OK):
        raise PermissionError(base)
    return base


def _digest(templates: TemplateStore, seeds: list[str]) -> str:
    return sha256(" ".join(templates.name_prefix(seed) for seed in seeds).encode()).hexdigest()[:_DIGITS]


def _build(
    templates: TemplateStore, binaries: Binaries, target: Path, other_seeds: list[str], *, base_snapshot: Path | None
) -> None:
    temporary = target.with_name(f"{target.name}.new")
    for leftover in (temporary, target):
        shutil.rmtree(leftover, ignore_errors=True)
    with run_temporary_server(binaries, saved=base_snapshot) as server:
        access = ServerAccess.from_embedded(server, name_owner_role(templates.project))
        file_digests = dict(templates.ensure(access, templates.default_seed).file_digests)
        for seed in other_seeds:
            with suppress(SeedbedError):  # raised again for the test that requests these seeds, and for no other
                file_digests |= templates.ensure(access, seed).file_digests
        server.save(temporary)
    (temporary / _DIGESTS_FILE).write_text(json.dumps(file_digests), encoding="utf-8")
    temporary.rename(target)


def _is_usable(project: Project, folder: Path) -> bool:
    """Whether the snapshot is complete and the files it was built from are unchanged."""
    if read_state(folder) is None:
        return False
    try:
        return are_unchanged(project, json.loads((folder / _DIGESTS_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return False


def _remove_old(base: Path, used: Path) -> None:
    unused = [folder for folder in base.glob("*-*") if folder.is_dir() and folder != used]
    for folder in sorted(unused, key=_last_used, reverse=True)[_KEPT_SNAPSHOTS - 1 :]:
        shutil.rmtree(folder, ignore_errors=True)


def _last_used(folder: Path) -> float:
    with suppress(FileNotFoundError):
        return folder.stat().st_mtime
    return 0.0


def _user_id() -> int:
    return os.geteuid() if hasattr(os, "geteuid") else 0


@contextmanager
def snapshot_lock(snapshot: Path) -> Iterator[None]:
    """Prevent other runs from removing a snapshot while it is copied."""
    with FileLock(snapshot.parent / "lock", mode=0o600):
        yield
