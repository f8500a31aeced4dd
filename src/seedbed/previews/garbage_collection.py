"""Previews that nobody needs any more, and branches whose end is past, found and deleted."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from seedbed.branching import Branch, BranchProvider, provider_of
from seedbed.errors import BranchError, BranchNotFound, InvalidPullRequestList
from seedbed.previews.base_branch import BASE_BRANCH
from seedbed.settings import Configuration, Environment

UNFINISHED_AFTER = timedelta(hours=1)
"""Longer than any preview takes to be made: one that is still preparing then was killed."""


@dataclass(frozen=True)
class CollectionRules:
    """When a preview goes. `closed_pull_requests` are pull requests that are closed, `open_pull_requests` all that are open: any other's go.

    A pull request is a number, and its previews are called pr-42 or end in /pr-42, with or without more after it.
    """

    older_than: timedelta | None = None
    closed_pull_requests: frozenset[str] | None = None
    open_pull_requests: frozenset[str] | None = None


@dataclass(frozen=True)
class CollectedBranch:
    """A branch, why it goes, and what kept it where something did; `deleted` is false in a dry run."""

    branch: Branch
    reason: str
    deleted: bool
    error: str | None = None


def parse_pull_requests(lines: Iterable[str], source: str) -> frozenset[str]:
    """The numbers in a list of pull requests, one a line: `42`, `#42`, `pr-42` or `preview/pr-42`.

    Raises:
        InvalidPullRequestList: a line is none of these, or there is no line: an empty answer is more often a failed question
            than the truth.
    """
    found = set()
    for line in (line.strip() for line in lines):
        if not line:
            continue
        matched = re.fullmatch(r"(?:#|.*\bpr-)?(\d+)", line)
        if matched is None:
            raise InvalidPullRequestList(source, f"{line!r} is no pull request")
        found.add(matched[1])
    if not found:
        raise InvalidPullRequestList(source, "it is empty")
    return frozenset(found)


def collect_branches(
    configuration: Configuration, rules: CollectionRules, *, delete: bool, now: datetime | None = None
) -> list[CollectedBranch]:
    """Find the branches that can go, and with `delete` delete them: children before their parents.

    A preview goes when the rules say so, or when it has been half made for an hour; any branch when its end is past,
    such as a safety copy, as on Neon it does by itself. Only what this project made is looked at, and never the base.
    Each is looked at once more before it is deleted, and stays where it has changed meanwhile or has children that
    stay. What cannot be deleted is said and kept; the others go.
    """
    moment = now or datetime.now(UTC)
    provider = provider_of(configuration)
    branches = provider.list()
    going = {one.name: (one, why) for one in branches if (why := _reason(one, rules, moment))}
    staying = {branch.parent for branch in branches if branch.name not in going}
    done: list[CollectedBranch] = []
    for branch, why in _children_first(list(going.values())):
        if branch.name in staying:
            done.append(CollectedBranch(branch, why, deleted=False, error="a branch that stays was copied from it"))
            staying.add(branch.parent)
        elif not delete:
            done.append(CollectedBranch(branch, why, deleted=False))
        else:
            one = _deleted(provider, branch, why, lambda found: _reason(found, rules, moment))
            if not one.deleted:
                staying.add(branch.parent)
            done.append(one)
    return done


def _reason(branch: Branch, rules: CollectionRules, now: datetime) -> str | None:
    if branch.name == BASE_BRANCH:
        return None
    if branch.expires_at is not None and branch.expires_at <= now:
        return f"ended on {branch.expires_at:%Y-%m-%d}"
    if branch.environment is not Environment.PREVIEW or branch.sealed:
        return None
    if not branch.ready and now - branch.created_at > UNFINISHED_AFTER:
        return "half made, and nobody is at work on it"
    number = _number(branch.name)
    if number is not None and rules.closed_pull_requests is not None and number in rules.closed_pull_requests:
        return f"pull request {number} is closed"
    if number is not None and rules.open_pull_requests is not None and number not in rules.open_pull_requests:
        return f"pull request {number} is not open"
    if rules.older_than is not None and now - branch.created_at > rules.older_than:
        return f"{(now - branch.created_at).days} days old"
    return None


def _number(name: str) -> str | None:
    matched = re.search(r"(?:^|/)pr-(\d+)(?:$|[-/])", name)
    return matched[1] if matched else None


def _children_first(going: Collection[tuple[Branch, str]]) -> list[tuple[Branch, str]]:
    names = {branch.name: branch for branch, _ in going}

    def depth(branch: Branch) -> int:
        parent = names.get(branch.parent)
        return 1 + depth(parent) if parent is not None else 0

    return sorted(going, key=lambda pair: (-depth(pair[0]), pair[0].name))


def _deleted(provider: BranchProvider, branch: Branch, why: str, reason: Callable[[Branch], str | None]) -> CollectedBranch:
    try:
        found = provider.get(branch.name)
        if found != branch or reason(found) is None:
            return CollectedBranch(found, why, deleted=False, error="it was changed meanwhile")
        provider.delete(branch.name)
    except BranchNotFound:
        return CollectedBranch(branch, why, deleted=True)
    except BranchError as error:
        return CollectedBranch(branch, why, deleted=False, error=error.message)
    return CollectedBranch(branch, why, deleted=True)
