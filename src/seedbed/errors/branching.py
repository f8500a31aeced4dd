"""Errors of branches and previews (SB5xx)."""

from collections.abc import Sequence

from seedbed.errors.base import BranchError


class BranchExists(BranchError):
    """There is a branch of that name already."""

    code = "SB501"

    def __init__(self, branch: str, parent: str) -> None:
        super().__init__(
            f"There is a branch {branch} already, a copy of {parent}.",
            remedy=f"Use it, or delete it first: seedbed branch delete {branch}",
        )


class BranchNotFound(BranchError):
    """There is no branch of that name."""

    code = "SB502"

    def __init__(self, branch: str) -> None:
        super().__init__(f"There is no branch {branch}.", remedy="seedbed branch list shows those that there are.")


class InvalidBranchName(BranchError):
    """A branch cannot be called that."""

    code = "SB503"

    def __init__(self, branch: str, reason: str) -> None:
        super().__init__(
            f"A branch cannot be called {branch!r}: {reason}.", remedy="Choose a name such as preview/pr-42."
        )


class NotABranch(BranchError):
    """A database is no branch that this project made, and so is neither used as one nor deleted."""

    code = "SB504"

    def __init__(self, database: str, reason: str, *, remedy: str) -> None:
        super().__init__(f"{database} is no branch of this project: {reason}.", remedy=remedy)


class ParentInUse(BranchError):
    """Others are connected to the database that is to be copied, and PostgreSQL copies none that is in use."""

    code = "SB505"

    def __init__(self, database: str, sessions: Sequence[str], *, idle: bool) -> None:
        super().__init__(
            f"{database} is in use, and a database in use cannot be copied: {', '.join(sessions)}.",
            remedy="Close them, or have them ended, since all are idle: --force"
            if idle
            else "Let those that are not idle finish; --force ends idle ones alone.",
        )


class BranchCopyFailure(BranchError):
    """PostgreSQL did not copy a database; what it had copied is gone again."""

    code = "SB506"

    def __init__(self, database: str, reason: str) -> None:
        super().__init__(
            f"{database} was not copied, and nothing is left of the copy. PostgreSQL says: {reason}",
            remedy="Mend that, and run the same command again.",
        )


class BranchLockTimeout(BranchError):
    """Another session is making or deleting a branch of that name."""

    code = "SB507"

    def __init__(self, branch: str, seconds: float) -> None:
        super().__init__(
            f"Another session has been making or deleting {branch} for {seconds:.0f} s.",
            remedy="Wait for it; seedbed branch list shows when it is done.",
        )


class BranchNotReady(BranchError):
    """A branch is still marked preparing: what makes it is at work, or was killed."""

    code = "SB508"

    def __init__(self, branch: str, *, finish: str | None = None) -> None:
        super().__init__(
            f"{branch} is still being prepared, or what prepared it was stopped; it is not for use.",
            remedy=f"Finish it: {finish or f'seedbed preview up {branch}'}. "
            f"Or start again: seedbed branch delete {branch}",
        )


class NoBranchProvider(BranchError):
    """The environment's database is on a server where Seedbed makes no branches."""

    code = "SB509"

    def __init__(self, environment: str, address: str, origin: str) -> None:
        super().__init__(
            f"{environment} uses {address}, from {origin}, where Seedbed makes no branches.",
            remedy=f"To branch the embedded server's database instead, remove {origin}.",
        )


class NotAPreview(BranchError):
    """A branch is no preview, so `preview` neither changes nor deletes it."""

    code = "SB510"

    def __init__(self, branch: str, mark: str) -> None:
        super().__init__(
            f"{branch} is a branch marked {mark}, and no preview.",
            remedy=f"Choose another name for the preview. If the branch may go: seedbed branch delete {branch}",
        )


class UnmaskedProductionCopy(BranchError):
    """A copy of production would be marked as something else, and its rows handed to whoever may see that."""

    code = "SB511"

    def __init__(self, parent: str, environment: str) -> None:
        super().__init__(
            f"{parent} is marked production, and so would its copy be: it cannot become a {environment}.",
            remedy="Have what is personal replaced: --data masked. Or name the database: --data copy --yes NAME",
        )


class InvalidExpiry(BranchError):
    """A branch cannot end at that moment."""

    code = "SB512"

    def __init__(self, branch: str, reason: str) -> None:
        super().__init__(f"{branch} cannot end then: {reason}.", remedy="Say how long from now, such as 7d or 12h.")


class SealedBranch(BranchError):
    """A branch is there to be copied, and nobody can connect to it."""

    code = "SB513"

    def __init__(self, branch: str) -> None:
        super().__init__(
            f"{branch} is sealed: it is there to be copied, and nobody can connect to it.",
            remedy=f"Use a copy of it: seedbed branch create NAME --from {branch}",
        )


class InvalidPullRequestList(BranchError):
    """A list of pull requests cannot be relied on, so nothing was deleted."""

    code = "SB514"

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(
            f"{source} is no list of pull requests: {reason}. Nothing was deleted.",
            remedy="One number a line; see that the question that made the list was answered.",
        )


class NotInGitHubActions(BranchError):
    """Facts were to be handed to GitHub's next steps, and this is no step of GitHub's."""

    code = "SB515"

    def __init__(self) -> None:
        super().__init__(
            "GITHUB_OUTPUT is not set, so there is no next step to hand the preview to.",
            remedy="Run it in a GitHub workflow, or take --output dotenv or --json.",
        )


class ProtectedPreviewBase(BranchError):
    """`preview down` was given the base that new previews are copied from."""

    code = "SB535"

    def __init__(self, base: str) -> None:
        super().__init__(
            f"{base} is the base that new previews are copied from, so preview down does not delete it.",
            remedy=f"To delete it all the same: seedbed branch delete {base}",
        )


class PreviewSchemaMismatch(BranchError):
    """A preview that is migrated to the newest revision does not have the schema of the models."""

    code = "SB536"

    def __init__(self, preview: str, differences: Sequence[str]) -> None:
        super().__init__(
            f"{preview} is at the newest revision and still differs from the models: {'; '.join(differences)}.",
            remedy="If no revision makes what the models say: seedbed migrate draft -m TEXT. If the database was "
            f"changed by hand, make it again: seedbed preview down {preview}, then seedbed preview up {preview}",
        )
