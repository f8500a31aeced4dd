"""Errors about branches on Neon (SB520 to SB534)."""

from collections.abc import Sequence

from seedbed.errors.base import BranchError
from seedbed.errors.branching.branches import NotABranch


class NeonNotConfigured(BranchError):
    """Branches of this database are created on Neon, and the API key or the project id is missing.

    Seedbed uses Neon if the environment's `DATABASE_URL` is one of Neon's, or if one of the two variables is set. Both
    variables are needed. [Neon](../how-to/neon.md) explains where to find them.
    """

    code = "SB520"

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"Branches of this database are created on Neon, and {missing} is not set.",
            remedy="Set NEON_API_KEY (Neon's console, API keys) and NEON_PROJECT_ID (the project's settings).",
        )


class NeonAuthenticationFailure(BranchError):
    """Neon rejected the API key.

    The key is wrong, was revoked or has expired (401), or may not change this project (403). It is never part of the
    message.
    """

    code = "SB521"

    def __init__(self, status: int, source: str) -> None:
        super().__init__(
            f"Neon rejected {source} with {status}.",
            remedy="Create another key in Neon's console that may change this project, and set NEON_API_KEY to it.",
        )


class NeonProjectNotFound(BranchError):
    """The key gives access to no project of that id.

    There is no such project, or the key belongs to another account.
    """

    code = "SB522"

    def __init__(self, project: str, source: str) -> None:
        super().__init__(
            f"The key gives access to no Neon project {project} ({source}).",
            remedy="Set NEON_PROJECT_ID to the id in the project's settings, such as quiet-lab-12345678.",
        )


class NeonBranchLimitReached(BranchError):
    """The project has as many branches as its plan allows.

    Seedbed counts the branches before it creates one, and Neon checks again. Nothing was created.
    """

    code = "SB523"

    def __init__(self, count: int, answer: str) -> None:
        branches = "1 branch" if count == 1 else f"{count:,} branches"
        super().__init__(
            f"No branch was created: the project already has {branches}. Neon says: {answer}",
            remedy="Delete unused branches, or wait for previews to expire; seedbed branch list shows those of this "
            "project.",
        )


class ExpiringNeonParent(BranchError):
    """Neon cannot branch from a branch with an expiry date.

    So the base of previews must not have one.
    """

    code = "SB524"

    def __init__(self, parent: str, expiry: str) -> None:
        super().__init__(
            f"{parent} expires at {expiry}, and Neon cannot branch from a branch with an expiry date.",
            remedy="Copy a branch without one. To remove a preview's: seedbed preview up NAME --lasting never",
        )


class NeonUnreachable(BranchError):
    """Neon's API does not answer.

    There is no network, a proxy blocks it, or `NEON_API_HOST` is wrong. Seedbed has repeated read requests several
    times. Before it repeats a request that creates something, it checks Neon's list for the result.
    """

    code = "SB525"

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(
            f"{host} does not answer: {reason}.",
            remedy="Check this machine's network, and NEON_API_HOST if it is set.",
        )


class NeonOperationFailure(BranchError):
    """An asynchronous operation of Neon failed or was cancelled."""

    code = "SB526"

    def __init__(self, action: str, branch: str, status: str, answer: str) -> None:
        super().__init__(
            f"Neon's {action} on branch {branch} ended as {status}: {answer}",
            remedy="Run the same command again. If it fails again, look at the operation in Neon's console.",
        )


class NeonProjectLocked(BranchError):
    """The project was busy with another operation through every attempt.

    Neon runs one operation at a time in a project, and answers 423 to others. Seedbed waits for a limited time.
    """

    code = "SB527"

    def __init__(self, seconds: float, answer: str) -> None:
        super().__init__(
            f"Neon has been busy with the project's other operations for {seconds:.0f} s: {answer}",
            remedy="Nothing was changed. Run the same command again in a minute.",
        )


class NeonOverloaded(BranchError):
    """Neon answered 429 or 503 to every attempt."""

    code = "SB528"

    def __init__(self, status: int, seconds: float) -> None:
        super().__init__(
            f"Neon answered {status} for {seconds:.0f} s.",
            remedy="Nothing was changed. Run the same command again later.",
        )


class NeonRequestRejected(BranchError):
    """Neon rejected a request for a reason that no other error covers."""

    code = "SB529"

    def __init__(self, status: int, answer: str) -> None:
        super().__init__(f"Neon answered {status}: {answer}", remedy="Fix the cause shown above and retry.")


class UnownedNeonBranch(NotABranch):
    """Somebody else created a branch on Neon, so it is neither used as a preview nor changed nor deleted.

    Seedbed writes its owner, the project's identifier, into the annotation of each branch that it creates. It never
    changes or deletes a branch without that annotation or with another owner, and never a default, protected or root
    branch.
    """

    code = "SB530"

    def __init__(self, branch: str, reason: str) -> None:
        super().__init__(
            f"{branch} on Neon",
            reason,
            remedy="Choose another name; seedbed branch list shows the branches of this project.",
        )


class AmbiguousNeonDatabase(BranchError):
    """A branch has several databases or none, and `DATABASE_URL` is not a Neon address that names one."""

    code = "SB531"

    def __init__(self, databases: Sequence[str]) -> None:
        super().__init__(
            f"The branch has {'several databases: ' + ', '.join(databases) if databases else 'no database'}.",
            remedy="Set DATABASE_URL to the address of the database to use.",
        )


class NeonEndpointMismatch(BranchError):
    """Neon's address for a branch belongs to the compute of another branch.

    Migrations could reach the wrong branch, so nothing was done.
    """

    code = "SB532"

    def __init__(self, branch: str, address: str, endpoint: str) -> None:
        super().__init__(
            f"The address {address} for {branch} does not belong to its compute {endpoint}: nothing was done.",
            remedy="Run the same command again. If it fails again, delete the branch and recreate it.",
        )


class NeonBranchHasChildren(BranchError):
    """Neon does not delete a branch that has children.

    Copies on the embedded server do not depend on each other.
    """

    code = "SB534"

    def __init__(self, branch: str, children: Sequence[str]) -> None:
        super().__init__(
            f"Neon does not delete {branch} because it has children: {', '.join(children)}.",
            remedy="Delete these first.",
        )
