"""Errors of branches on Neon (SB5xx)."""

from collections.abc import Sequence

from seedbed.errors.base import BranchError
from seedbed.errors.branching import NotABranch


class NeonNotConfigured(BranchError):
    """Branches are to be made on Neon, and the key or the project is not known."""

    code = "SB520"

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"Branches of this database are made on Neon, and {missing} is not set.",
            remedy="Set NEON_API_KEY, made in Neon's console under API keys, and NEON_PROJECT_ID, in the project's "
            "settings.",
        )


class NeonAuthenticationFailure(BranchError):
    """Neon does not take the key: it is wrong, was revoked, or is not for this project."""

    code = "SB521"

    def __init__(self, status: int, origin: str) -> None:
        super().__init__(
            f"Neon refused {origin} with {status}.",
            remedy="Make another key in Neon's console, one that may change this project, and set NEON_API_KEY to it.",
        )


class NeonProjectNotFound(BranchError):
    """Neon knows no project of that id that the key may see."""

    code = "SB522"

    def __init__(self, project: str, origin: str) -> None:
        super().__init__(
            f"Neon has no project {project} that the key may see ({origin}).",
            remedy="Set NEON_PROJECT_ID to the id in the project's settings, such as quiet-lab-12345678.",
        )


class NeonBranchLimitReached(BranchError):
    """The project has as many branches as its plan allows."""

    code = "SB523"

    def __init__(self, count: int, said: str) -> None:
        branches = "1 branch" if count == 1 else f"{count:,} branches"
        super().__init__(
            f"No branch was made: the project has {branches} already. Neon says: {said}",
            remedy="Delete some, or let previews end by themselves; seedbed branch list shows those of this project.",
        )


class ExpiringNeonParent(BranchError):
    """A branch that ends cannot be copied on Neon."""

    code = "SB524"

    def __init__(self, parent: str, until: str) -> None:
        super().__init__(
            f"{parent} ends at {until}, and Neon copies no branch that ends.",
            remedy="Copy one that does not end. A preview ends no more after: seedbed preview up NAME --lasting never",
        )


class NeonUnreachable(BranchError):
    """Nobody answers at Neon's address."""

    code = "SB525"

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(
            f"{host} does not answer: {reason}.",
            remedy="See that this machine has a network, and that NEON_API_HOST is right where it is set.",
        )


class NeonOperationFailure(BranchError):
    """Neon began something and did not bring it to its end."""

    code = "SB526"

    def __init__(self, action: str, branch: str, status: str, said: str) -> None:
        super().__init__(
            f"Neon's {action} on branch {branch} ended as {status}: {said}",
            remedy="Run the same command again; if it stays so, see the operation in Neon's console.",
        )


class NeonProjectLocked(BranchError):
    """The project was busy with something else through every retry."""

    code = "SB527"

    def __init__(self, seconds: float, said: str) -> None:
        super().__init__(
            f"Neon has been busy with the project's other operations for {seconds:.0f} s: {said}",
            remedy="Nothing was changed. Run the same command again in a minute.",
        )


class NeonOverloaded(BranchError):
    """Neon asked to be left alone for a while, through every retry."""

    code = "SB528"

    def __init__(self, status: int, seconds: float) -> None:
        super().__init__(
            f"Neon answered {status} for {seconds:.0f} s.",
            remedy="Nothing was changed. Run the same command again later.",
        )


class NeonRequestRejected(BranchError):
    """Neon refused a request for a reason of its own."""

    code = "SB529"

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"Neon refused with {status}: {said}", remedy="Mend that, and run the same command again.")


class UnownedNeonBranch(NotABranch):
    """A branch on Neon was made by somebody else, so it is neither used as a preview nor changed nor deleted."""

    code = "SB530"

    def __init__(self, branch: str, reason: str) -> None:
        super().__init__(
            f"{branch} on Neon",
            reason,
            remedy="Choose another name; seedbed branch list shows the branches of this project.",
        )


class AmbiguousNeonDatabase(BranchError):
    """A branch has several databases, and nothing says which is meant."""

    code = "SB531"

    def __init__(self, databases: Sequence[str]) -> None:
        super().__init__(
            f"The branch has {'these databases: ' + ', '.join(databases) if databases else 'no database'}.",
            remedy="Set DATABASE_URL to the address of the one that is meant.",
        )


class NeonEndpointMismatch(BranchError):
    """An address that Neon gave for a branch leads to another branch's compute."""

    code = "SB532"

    def __init__(self, branch: str, address: str, endpoint: str) -> None:
        super().__init__(
            f"The address given for {branch}, {address}, is not that of its compute {endpoint}: nothing was done.",
            remedy="Run the same command again; if it stays so, delete the branch and make it anew.",
        )


class EmulatorNotInstalled(BranchError):
    """What the emulator encrypts connections with is not installed."""

    code = "SB533"

    def __init__(self) -> None:
        super().__init__(
            "The emulator needs the package cryptography, to make a certificate of its own.",
            remedy="pip install 'seedbed[emulator]'",
        )


class NeonBranchHasChildren(BranchError):
    """Neon deletes no branch that others were copied from."""

    code = "SB534"

    def __init__(self, branch: str, children: Sequence[str]) -> None:
        super().__init__(
            f"Neon deletes no branch that others were copied from, and from {branch} were {', '.join(children)}.",
            remedy="Delete these first.",
        )
