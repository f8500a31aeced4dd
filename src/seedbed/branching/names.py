"""What branches may be called, and what their databases are called then."""

import re
from hashlib import sha256

from seedbed.errors import InvalidBranchName
from seedbed.settings import Environment

_LONGEST = 256
_LONGEST_IDENTIFIER = 63
"""PostgreSQL's NAMEDATALEN less one, in bytes; it cuts a longer name off without an error."""

_HASH = 8
_PLAIN = re.compile(r"[a-z0-9_]+")
_LOOKS_HASHED = re.compile(rf"(.*_)?[0-9a-f]{{{_HASH}}}")


def check_branch_name(name: str) -> None:
    """See that a new branch may be called that.

    Raises:
        InvalidBranchName: with the reason.
    """
    if not name or name != name.strip():
        raise InvalidBranchName(name, "it is empty, or begins or ends with a space")
    if len(name) > _LONGEST or not name.isprintable():
        raise InvalidBranchName(name[:_LONGEST], f"it is longer than {_LONGEST} characters, or has one without a shape")
    if is_environment_name(name):
        raise InvalidBranchName(name, "it is an environment's name")


def is_environment_name(name: str) -> bool:
    return name in [environment.value for environment in Environment]


def build_database_name(project: str, branch: str) -> str:
    """The name of a branch's database: the project's, a readable form of the branch's, and where that is not the very
    name a hash of it, so that no two branches share a database. `preview/pr-42` of shop is shop_preview_pr_42_2ffcc8e6.
    """
    room = _LONGEST_IDENTIFIER - len(project) - 1
    if _PLAIN.fullmatch(branch) and not _LOOKS_HASHED.fullmatch(branch) and len(branch) <= room:
        return f"{project}_{branch}"
    slug = re.sub(r"[^a-z0-9]+", "_", branch.lower()).strip("_")[: room - _HASH - 1].rstrip("_")
    return "_".join(filter(None, (project, slug, _digest(branch))))


def build_unfinished_name(database: str) -> str:
    """What a branch's database is called until it says itself that it is one."""
    return f"seedbed_building_{_digest(database)}"


def build_replaced_name(database: str) -> str:
    """What a branch's database is called once another has taken its place, until it is dropped."""
    return f"seedbed_replaced_{_digest(database)}"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:_HASH]
