"""Errors about branches on Neon (SB520 to SB534)."""

from collections.abc import Sequence

from seedbed.errors.base import BranchError
from seedbed.errors.branching.branches import NotABranch


class NeonNotConfigured(BranchError):
    """Neon's API key or project id is missing, and this database's branches are created on Neon.

    Seedbed uses Neon if the environment's `DATABASE_URL` is a Neon address, or if one of the two variables is set. Set
    both variables. [Neon](../how-to/neon.md) explains where to find them.
    """

    code = "SB520"

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"Branches of this database are created on Neon, and {missing} is not set.",
            remedy="Set NEON_API_KEY (Neon's console, API keys) and NEON_PROJECT_ID (the project's settings).",
        )


class NeonAuthenticationFailure(BranchError):
    """Neon rejected the API key.

    With status 401, the key is wrong, was revoked or has expired. With status 403, it may not change this project. The
    message never contains the key. Create another key that may change the project.
    """

    code = "SB521"

    def __init__(self, status: int, source: str) -> None:
        super().__init__(
            f"Neon rejected {source} with {status}.",
            remedy="Create another key in Neon's console that may change this project, and set NEON_API_KEY to it.",
        )


class NeonProjectNotFound(BranchError):
    """The API key gives access to no project with this id.

    The project does not exist, or the key belongs to another account. Correct `NEON_PROJECT_ID` or the key.
    """

    code = "SB522"

    def __init__(self, project: str, source: str) -> None:
        super().__init__(
            f"The key gives access to no Neon project {project} ({source}).",
            remedy="Set NEON_PROJECT_ID to the id in the project's settings, such as quiet-lab-12345678.",
        )


class NeonBranchLimitReached(BranchError):
    """The Neon project has as many branches as its plan allows.

    Seedbed counts the branches before it creates one, and Neon checks again. No branch was created. Delete unused
    branches, or wait until previews expire.
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

    The base of previews must therefore have no expiry date. Copy a branch without one, or remove the expiry date.
    """

    code = "SB524"

    def __init__(self, parent: str, expiry: str) -> None:
        super().__init__(
            f"{parent} expires at {expiry}, and Neon cannot branch from a branch with an expiry date.",
            remedy="Copy a branch without one. To remove a preview's: seedbed preview up NAME --lasting never",
        )


class NeonUnreachable(BranchError):
    """Neon's API does not answer.

    The network is down, a proxy blocks the request, or `NEON_API_HOST` is wrong. Seedbed repeats a read request several
    times. Before it repeats a request that creates an object, it checks Neon's list for that object.
    """

    code = "SB525"

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(
            f"{host} does not answer: {reason}.",
            remedy="Check this machine's network, and NEON_API_HOST if it is set.",
        )


class NeonOperationFailure(BranchError):
    """An asynchronous operation on Neon failed or was cancelled.

    Run the command again. If it fails again, look at the operation in Neon's console.
    """

    code = "SB526"

    def __init__(self, action: str, branch: str, status: str, answer: str) -> None:
        super().__init__(
            f"Neon's {action} on branch {branch} ended as {status}: {answer}",
            remedy="Run the same command again. If it fails again, look at the operation in Neon's console.",
        )


class NeonProjectLocked(BranchError):
    """The Neon project was busy with another operation during every attempt.

    Neon runs one operation at a time in a project, and answers 423 to other requests. Seedbed waits for a limited time.
    Nothing was changed. Run the command again in a minute.
    """

    code = "SB527"

    def __init__(self, seconds: float, answer: str) -> None:
        super().__init__(
            f"Neon has been busy with the project's other operations for {seconds:.0f} s: {answer}",
            remedy="Nothing was changed. Run the same command again in a minute.",
        )


class NeonOverloaded(BranchError):
    """Neon answered every attempt with status 429 or 503.

    Nothing was changed. Run the command again later.
    """

    code = "SB528"

    def __init__(self, status: int, seconds: float) -> None:
        super().__init__(
            f"Neon answered {status} for {seconds:.0f} s.",
            remedy="Nothing was changed. Run the same command again later.",
        )


class NeonRequestRejected(BranchError):
    """Neon rejected a request for a reason that no other error covers.

    The message shows Neon's answer. Fix the cause, and run the command again.
    """

    code = "SB529"

    def __init__(self, status: int, answer: str) -> None:
        super().__init__(f"Neon answered {status}: {answer}", remedy="Fix the cause shown above and retry.")


class UnownedNeonBranch(NotABranch):
    """A branch on Neon was not created by this project, so Seedbed neither uses, changes nor deletes it.

    Seedbed writes the project's identifier, as the owner, into the annotation of each branch that it creates. It never
    changes or deletes a branch without that annotation or with another owner. It also never changes or deletes a
    default, protected or root branch. Choose another name.
    """

    code = "SB530"

    def __init__(self, branch: str, reason: str) -> None:
        super().__init__(
            f"{branch} on Neon",
            reason,
            remedy="Choose another name; seedbed branch list shows the branches of this project.",
        )


class AmbiguousNeonDatabase(BranchError):
    """A branch has several databases or none, and `DATABASE_URL` is not a Neon address that names one.

    Set `DATABASE_URL` to the address of the database to use.
    """

    code = "SB531"

    def __init__(self, databases: Sequence[str]) -> None:
        super().__init__(
            f"The branch has {'several databases: ' + ', '.join(databases) if databases else 'no database'}.",
            remedy="Set DATABASE_URL to the address of the database to use.",
        )


class NeonEndpointMismatch(BranchError):
    """Neon's address for a branch belongs to the compute of another branch.

    Migrations could reach the wrong branch, so Seedbed did nothing. Run the command again. If it fails again, delete
    the branch and recreate it.
    """

    code = "SB532"

    def __init__(self, branch: str, address: str, endpoint: str) -> None:
        super().__init__(
            f"The address {address} for {branch} does not belong to its compute {endpoint}: nothing was done.",
            remedy="Run the same command again. If it fails again, delete the branch and recreate it.",
        )


class NeonBranchHasChildren(BranchError):
    """Neon does not delete a branch that has children.

    Delete the children first. On the embedded server, copies do not depend on each other.
    """

    code = "SB534"

    def __init__(self, branch: str, children: Sequence[str]) -> None:
        super().__init__(
            f"Neon does not delete {branch} because it has children: {', '.join(children)}.",
            remedy="Delete these first.",
        )
