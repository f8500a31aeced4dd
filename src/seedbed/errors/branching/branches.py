"""Errors about branches and previews (SB501 to SB515, SB535, SB536)."""

from collections.abc import Sequence

from seedbed.errors.base import BranchError


class BranchExists(BranchError):
    """A branch of that name already exists.

    It stays unchanged, because it may contain somebody's work. `seedbed preview up` reuses an existing branch.
    """

    code = "SB501"

    def __init__(self, branch: str, parent: str) -> None:
        super().__init__(
            f"Branch {branch} already exists, as a copy of {parent}.",
            remedy=f"Use it, or delete it first: seedbed branch delete {branch}",
        )


class BranchNotFound(BranchError):
    """There is no branch of that name. Names are compared exactly and are case-sensitive."""

    code = "SB502"

    def __init__(self, branch: str) -> None:
        super().__init__(f"There is no branch {branch}.", remedy="List the branches: seedbed branch list")


class InvalidBranchName(BranchError):
    """The name of a branch is invalid.

    It is empty, too long, has an unprintable character, or is the name of an environment. Slashes and inner spaces are
    allowed.
    """

    code = "SB503"

    def __init__(self, branch: str, reason: str) -> None:
        super().__init__(
            f"{branch!r} is not a valid branch name: {reason}.", remedy="Choose a name such as preview/pr-42."
        )


class NotABranch(BranchError):
    """A database is not a branch that this project created, so it is neither used as one nor deleted.

    A comment on each branch names the project that created it. An environment's own database is never a branch.
    """

    code = "SB504"

    def __init__(self, database: str, reason: str, *, remedy: str) -> None:
        super().__init__(f"{database} is not a branch of this project: {reason}.", remedy=remedy)


class ParentInUse(BranchError):
    """Other sessions use the database that is to be copied, and PostgreSQL cannot copy a database in use.

    The message names the sessions with their process ids. `--force` ends idle sessions, but never one that runs a
    statement or is in a transaction.
    """

    code = "SB505"

    def __init__(self, database: str, sessions: Sequence[str], *, idle: bool) -> None:
        super().__init__(
            f"{database} is in use, and a database in use cannot be copied: {', '.join(sessions)}.",
            remedy="Close them; all are idle, so --force can end them."
            if idle
            else "Wait until those that are not idle finish; --force ends idle ones only.",
        )


class BranchCopyFailure(BranchError):
    """PostgreSQL could not copy a database. Usually the disk is full. The incomplete copy was removed."""

    code = "SB506"

    def __init__(self, database: str, reason: str) -> None:
        super().__init__(
            f"{database} was not copied, and the incomplete copy was removed. PostgreSQL says: {reason}",
            remedy="Fix the cause shown above and retry.",
        )


class BranchLockTimeout(BranchError):
    """Another session is creating or deleting a branch of that name.

    Only one session does so at a time; a second one waits for a while. The lock ends with the session.
    """

    code = "SB507"

    def __init__(self, branch: str, seconds: float) -> None:
        super().__init__(
            f"Another session has been creating or deleting {branch} for {seconds:.0f} s.",
            remedy="Wait for it; seedbed branch list shows the result.",
        )


class BranchNotReady(BranchError):
    """A branch is still marked `preparing`: its creation is running or was interrupted.

    Until it is complete it may contain unmasked rows, so Seedbed gives out no address. `seedbed preview up` continues
    an interrupted creation.
    """

    code = "SB508"

    def __init__(self, branch: str, *, finish: str | None = None) -> None:
        super().__init__(
            f"{branch} is not ready: it is still being prepared, or the preparation was interrupted.",
            remedy=f"Finish it: {finish or f'seedbed preview up {branch}'}. "
            f"Or start again: seedbed branch delete {branch}",
        )


class NoBranchProvider(BranchError):
    """The environment's database is on a server where Seedbed cannot create branches.

    Branches need the embedded server or Neon.
    """

    code = "SB509"

    def __init__(self, environment: str, address: str, source: str) -> None:
        super().__init__(
            f"{environment} uses {address}, from {source}, where Seedbed cannot create branches.",
            remedy=f"To branch the embedded server's database instead, remove {source}.",
        )


class NotAPreview(BranchError):
    """A branch is not a preview, so `preview` neither changes nor deletes it.

    `seedbed branch create` created it, and it may contain somebody's work.
    """

    code = "SB510"

    def __init__(self, branch: str, mark: str) -> None:
        super().__init__(
            f"{branch} is a branch marked {mark}, not a preview.",
            remedy=f"Choose another name for the preview. To delete the branch: seedbed branch delete {branch}",
        )


class UnmaskedProductionCopy(BranchError):
    """An unmasked copy of production would be marked as another environment, and more people could read its rows."""

    code = "SB511"

    def __init__(self, parent: str, environment: str) -> None:
        super().__init__(
            f"{parent} is marked production, and an unmasked copy of it cannot become a {environment}.",
            remedy="Replace personal data: --data masked. Or confirm with the database's name: --data copy --yes NAME",
        )


class InvalidExpiry(BranchError):
    """The expiry date of a branch is in the past or too far in the future."""

    code = "SB512"

    def __init__(self, branch: str, reason: str) -> None:
        super().__init__(
            f"The expiry of {branch} is invalid: {reason}.", remedy="Give a time from now, such as 7d or 12h."
        )


class SealedBranch(BranchError):
    """A branch is sealed: nobody can connect to it, so that it can be copied at any time.

    The base of previews is such a branch.
    """

    code = "SB513"

    def __init__(self, branch: str) -> None:
        super().__init__(
            f"{branch} is sealed: it can only be copied, and nobody can connect to it.",
            remedy=f"Use a copy of it: seedbed branch create NAME --from {branch}",
        )


class InvalidPullRequestList(BranchError):
    """The list given to `seedbed preview gc` has a line that is not a pull request, or is empty.

    An empty list usually means that the command that made it failed, so nothing was deleted. Write one number per line,
    such as `42` or `pr-42`.
    """

    code = "SB514"

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(
            f"{source} is not a list of pull requests: {reason}. Nothing was deleted.",
            remedy="Write one number per line, and check that the command that made the list succeeded.",
        )


class NotInGitHubActions(BranchError):
    """`--output github` writes to the file that `GITHUB_OUTPUT` names, and that variable is not set."""

    code = "SB515"

    def __init__(self) -> None:
        super().__init__(
            "GITHUB_OUTPUT is not set, so there are no step outputs to write.",
            remedy="Run it in a step of a GitHub workflow, or use --output dotenv or --json.",
        )


class ProtectedPreviewBase(BranchError):
    """`preview down` was given the base that new previews are copied from.

    It deletes previews without confirmation, so it does not delete the base. `branch delete` does, and asks for its
    name.
    """

    code = "SB535"

    def __init__(self, base: str) -> None:
        super().__init__(
            f"{base} is the base that new previews are copied from, so preview down does not delete it.",
            remedy=f"To delete it anyway: seedbed branch delete {base}",
        )


class PreviewSchemaMismatch(BranchError):
    """A preview at the newest revision still differs from the schema of the models.

    A revision is missing, or somebody changed the database by hand. If this call created the preview, it was deleted
    again; an existing one is unchanged. Tables and other objects that no model describes, indexes, and additional
    privileges are not errors; `preview up` lists them.
    """

    code = "SB536"

    def __init__(self, preview: str, differences: Sequence[str]) -> None:
        super().__init__(
            f"{preview} is at the newest revision and still differs from the models: {'; '.join(differences)}.",
            remedy="If a revision is missing: seedbed migrate draft -m TEXT. If the database was changed by hand, "
            f"recreate it: seedbed preview down {preview}, then seedbed preview up {preview}",
        )
