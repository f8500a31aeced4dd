"""Find and delete previews that are no longer needed, and expired branches."""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from seedbed.branching import Branch, BranchProvider, get_branch_provider
from seedbed.errors import BranchError, BranchNotFound, InvalidPullRequestList
from seedbed.previews.base_branch import BASE_BRANCH
from seedbed.settings import Configuration, Environment

UNFINISHED_AFTER = timedelta(hours=1)
"""Longer than any preview takes: the call that prepares a branch for longer was killed."""


@dataclass(frozen=True)
class CollectionRules:
    """Which previews to delete.

    With `closed_pull_requests` their previews are deleted, with `open_pull_requests` those of all others. A pull
    request is a number; the names of its previews are pr-42 or end in /pr-42, optionally followed by a suffix.
    """

    older_than: timedelta | None = None
    closed_pull_requests: frozenset[str] | None = None
    open_pull_requests: frozenset[str] | None = None


@dataclass(frozen=True)
class CollectedBranch:
    """A branch, why it is to be deleted, and why it was kept if it was. `deleted` is false in a dry run."""

    branch: Branch
    reason: str
    deleted: bool
    error: str | None = None


def parse_pull_requests(lines: Iterable[str], source: str) -> frozenset[str]:
    """Return the numbers in a list of pull requests, one a line: `42`, `#42`, `pr-42` or `preview/pr-42`.

    Raises:
        InvalidPullRequestList: a line has another form, or there is no line. An empty list more often
            comes from a failed query than from a project without pull requests.
    """
    numbers = set()
    for line in (line.strip() for line in lines):
        if not line:
            continue
        match = re.fullmatch(r"(?:#|.*\bpr-)?(\d+)", line)
        if match is None:
            raise InvalidPullRequestList(source, f"{line!r} is not a pull request")
        numbers.add(match[1])
    if not numbers:
        raise InvalidPullRequestList(source, "it is empty")
    return frozenset(numbers)


def collect_branches(
    configuration: Configuration, rules: CollectionRules, *, delete: bool, now: datetime | None = None
) -> list[CollectedBranch]:
    """Find the branches to delete, and with `delete` delete them, children before parents.

    A preview is deleted when the rules say so, or after an hour of being unfinished; any other branch, such as a safety
    copy, when it has expired, as on Neon. Only branches of this project are considered, and never the base. Each branch
    is read again before it is deleted. It is kept if it has changed or has children that are kept. A branch that cannot
    be deleted is reported and kept; the others are deleted.
    """
    now_utc = now or datetime.now(UTC)
    provider = get_branch_provider(configuration)
    branches = provider.list()
    candidates = {
        branch.name: (branch, reason) for branch in branches if (reason := _find_reason(branch, rules, now_utc))
    }
    parents_in_use = {branch.parent for branch in branches if branch.name not in candidates}
    collected: list[CollectedBranch] = []
    for branch, reason in _sort_children_first(list(candidates.values())):
        if branch.name in parents_in_use:
            collected.append(
                CollectedBranch(branch, reason, deleted=False, error="a branch that is kept was copied from it")
            )
            parents_in_use.add(branch.parent)
        elif not delete:
            collected.append(CollectedBranch(branch, reason, deleted=False))
        else:
            result = _delete_branch(provider, branch, reason, lambda current: _find_reason(current, rules, now_utc))
            if not result.deleted:
                parents_in_use.add(branch.parent)
            collected.append(result)
    return collected


def _find_reason(branch: Branch, rules: CollectionRules, now: datetime) -> str | None:
    if branch.name == BASE_BRANCH:
        return None
    if branch.expires_at is not None and branch.expires_at <= now:
        return f"expired on {branch.expires_at:%Y-%m-%d}"
    if branch.environment is not Environment.PREVIEW or branch.sealed:
        return None
    if not branch.ready and now - branch.created_at > UNFINISHED_AFTER:
        return "unfinished, and no call is working on it"
    number = _find_pull_request(branch.name)
    if number is not None and rules.closed_pull_requests is not None and number in rules.closed_pull_requests:
        return f"pull request {number} is closed"
    if number is not None and rules.open_pull_requests is not None and number not in rules.open_pull_requests:
        return f"pull request {number} is not open"
    if rules.older_than is not None and now - branch.created_at > rules.older_than:
        return f"{(now - branch.created_at).days} days old"
    return None


def _find_pull_request(name: str) -> str | None:
    matched = re.search(r"(?:^|/)pr-(\d+)(?:$|[-/])", name)
    return matched[1] if matched else None


def _sort_children_first(candidates: Collection[tuple[Branch, str]]) -> list[tuple[Branch, str]]:
    names = {branch.name: branch for branch, _ in candidates}

    def depth(branch: Branch) -> int:
        parent = names.get(branch.parent)
        return 1 + depth(parent) if parent is not None else 0

    return sorted(candidates, key=lambda pair: (-depth(pair[0]), pair[0].name))


def _delete_branch(
    provider: BranchProvider, branch: Branch, reason: str, find_reason: Callable[[Branch], str | None]
) -> CollectedBranch:
    try:
        current = provider.get(branch.name)
        if current != branch or find_reason(current) is None:
            return CollectedBranch(current, reason, deleted=False, error="it has changed since")
        provider.delete(branch.name)
    except BranchNotFound:
        return CollectedBranch(branch, reason, deleted=True)
    except BranchError as error:
        return CollectedBranch(branch, reason, deleted=False, error=error.message)
    return CollectedBranch(branch, reason, deleted=True)
