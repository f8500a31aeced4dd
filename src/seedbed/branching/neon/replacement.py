"""A branch on Neon that others were copied from, made anew without them: Neon restores none that has children."""

import secrets
from collections.abc import Sequence
from contextlib import suppress

from seedbed.branching.neon.annotations import AnnotatedBranch, format_replaced_name
from seedbed.branching.neon.client import NeonClient
from seedbed.branching.neon.creation import Request
from seedbed.branching.neon.lookup import NeonBranchLookup
from seedbed.errors import BranchError
from seedbed.settings import Environment


def create_replacement_request(looking: NeonBranchLookup, found: AnnotatedBranch) -> Request:
    branch = found.to_branch([])
    return Request.create(looking, branch.name, branch.parent, found.read_environment() or Environment.PREVIEW)


def rename_replaced(client: NeonClient, found: AnnotatedBranch) -> None:
    """Give a branch's name to the one that takes its place; it is deleted once its children are gone."""
    client.update_branch(found.neon_branch.id, name=format_replaced_name(found.name, secrets.token_hex(3)))


def find_children(everything: Sequence[AnnotatedBranch], found: AnnotatedBranch) -> list[AnnotatedBranch]:
    return [one for one in everything if one.neon_branch.parent_id == found.neon_branch.id]


def delete_unused_replaced(looking: NeonBranchLookup) -> None:
    """Delete what was replaced and has no children any more. What Neon does not delete now, it will another time."""
    everything = looking.list_all()
    for found in everything:
        if found.is_replaced and found.owner == looking.owner and not find_children(everything, found):
            with suppress(BranchError):
                looking.client.delete_branch(found.neon_branch.id)
