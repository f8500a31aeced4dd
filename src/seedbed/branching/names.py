"""The names of branches and of their databases."""

import re
from hashlib import sha256

from seedbed.errors import InvalidBranchName
from seedbed.settings import Environment

_MAX_NAME_LENGTH = 256
_MAX_IDENTIFIER_BYTES = 63
"""PostgreSQL's NAMEDATALEN minus one, in bytes; PostgreSQL truncates longer names without an error."""

_HASH_LENGTH = 8
_PLAIN = re.compile(r"[a-z0-9_]+")
_LOOKS_HASHED = re.compile(rf"(.*_)?[0-9a-f]{{{_HASH_LENGTH}}}")


def check_branch_name(name: str) -> None:
    """Check the name of a new branch.

    Raises:
        InvalidBranchName: the name cannot be used.
    """
    if not name or name != name.strip():
        raise InvalidBranchName(name, "it is empty, or begins or ends with a space")
    if len(name) > _MAX_NAME_LENGTH or not name.isprintable():
        raise InvalidBranchName(
            name[:_MAX_NAME_LENGTH], f"it is longer than {_MAX_NAME_LENGTH} characters, or has one without a shape"
        )
    if is_environment_name(name):
        raise InvalidBranchName(name, "it is an environment's name")


def is_environment_name(name: str) -> bool:
    return name in [environment.value for environment in Environment]


def build_database_name(project: str, branch: str) -> str:
    """The name of a branch's database: the project's name and a readable form of the branch's.

    Where that form differs from the branch's name, a hash is added, so that no two branches share a database:
    `preview/pr-42` of shop is shop_preview_pr_42_2ffcc8e6.
    """
    room = _MAX_IDENTIFIER_BYTES - len(project) - 1
    if _PLAIN.fullmatch(branch) and not _LOOKS_HASHED.fullmatch(branch) and len(branch) <= room:
        return f"{project}_{branch}"
    slug = re.sub(r"[^a-z0-9]+", "_", branch.lower()).strip("_")[: room - _HASH_LENGTH - 1].rstrip("_")
    return "_".join(filter(None, (project, slug, _digest(branch))))


def build_unfinished_name(database: str) -> str:
    """The name of a branch's database until its copy and its comment are complete."""
    return f"seedbed_building_{_digest(database)}"


def build_replaced_name(database: str) -> str:
    """The name of a replaced database until it is dropped."""
    return f"seedbed_replaced_{_digest(database)}"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:_HASH_LENGTH]
