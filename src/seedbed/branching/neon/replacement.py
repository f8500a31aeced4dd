"""A branch on Neon that others were copied from, made anew without them: Neon restores none that has children."""

import secrets
from collections.abc import Sequence
from contextlib import suppress

from seedbed.branching.neon.annotations import Found, replaced
from seedbed.branching.neon.client import NeonClient
from seedbed.branching.neon.creation import Request
from seedbed.branching.neon.lookup import Looking
from seedbed.errors import BranchError
from seedbed.settings import Environment


def request_anew(looking: Looking, found: Found) -> Request:
    branch = found.branch([])
    return Request.of(looking, branch.name, branch.parent, found.environment() or Environment.PREVIEW)


def step_aside(client: NeonClient, found: Found) -> None:
    """Give a branch's name to the one that takes its place; it is deleted once its children are gone."""
    client.update(found.neon.id, name=replaced(found.name, secrets.token_hex(3)))


def children(everything: Sequence[Found], found: Found) -> list[Found]:
    return [one for one in everything if one.neon.parent_id == found.neon.id]


def sweep(looking: Looking) -> None:
    """Delete what was replaced and has no children any more. What Neon does not delete now, it will another time."""
    everything = looking.everything()
    for found in everything:
        if found.replaced and found.owner == looking.owner and not children(everything, found):
            with suppress(BranchError):
                looking.client.delete(found.neon.id)
