"""Errors about branches and previews (SB501 to SB515, SB535, SB536)."""

from collections.abc import Sequence

from seedbed.errors.base import BranchError


class BranchExists(BranchError):
    """A branch of that name already exists.

    The existing branch is unchanged, because it may contain work that is still needed. Use it, or delete it first.
    `seedbed preview up` reuses an existing branch.
    """

    code = "SB501"

    def __init__(self, branch: str, parent: str) -> None:
        super().__init__(
            f"Branch {branch} already exists, as a copy of {parent}.",
            remedy=f"Use it, or delete it first: seedbed branch delete {branch}",
        )


class BranchNotFound(BranchError):
    """There is no branch of that name.

    Names are case-sensitive and must match exactly. `seedbed branch list` shows the branches.
    """

    code = "SB502"

    def __init__(self, branch: str) -> None:
        super().__init__(f"There is no branch {branch}.", remedy="List the branches: seedbed branch list")


class InvalidBranchName(BranchError):
    """The name of a branch is invalid.

    The name is empty or too long, contains an unprintable character, or is the name of an environment. Slashes and
    inner spaces are allowed.
    """

    code = "SB503"

    def __init__(self, branch: str, reason: str) -> None:
        super().__init__(
            f"{branch!r} is not a valid branch name: {reason}.", remedy="Choose a name such as preview/pr-42."
        )


class NotABranch(BranchError):
    """A database is not a branch of this project, so Seedbed neither uses it as one nor deletes it.

    A comment on each branch names the project that created it. An environment's own database is never a branch.
    """

    code = "SB504"

    def __init__(self, database: str, reason: str, *, remedy: str) -> None:
        super().__init__(f"{database} is not a branch of this project: {reason}.", remedy=remedy)


class ParentInUse(BranchError):
    """Other sessions use the database to copy, and PostgreSQL cannot copy a database in use.

    The message names the sessions with their process ids. Close them, or wait. `--force` ends idle sessions, but never
    a session that runs a statement or is in a transaction.
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
    """PostgreSQL could not copy a database.

    Usually the disk is full. Seedbed removed the incomplete copy. Fix the cause, and run the command again.
    """

    code = "SB506"

    def __init__(self, database: str, reason: str) -> None:
        super().__init__(
            f"{database} was not copied, and the incomplete copy was removed. PostgreSQL says: {reason}",
            remedy="Fix the cause shown above and retry.",
        )


class BranchLockTimeout(BranchError):
    """Another session is creating or deleting a branch of that name.

    Only one session at a time can create or delete the branch. A second session waits for a limited time. The lock ends
    with the session that holds it.
    """

    code = "SB507"

    def __init__(self, branch: str, seconds: float) -> None:
        super().__init__(
            f"Another session has been creating or deleting {branch} for {seconds:.0f} s.",
            remedy="Wait for it; seedbed branch list shows the result.",
        )


class BranchNotReady(BranchError):
    """A branch is still marked `preparing`: its creation is running or was interrupted.

    An incomplete branch may contain unmasked rows, so Seedbed does not return its address. `seedbed preview up`
    continues an interrupted creation.
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

    Branches need the embedded server or Neon. To use the embedded server, remove the setting that the message names.
    """

    code = "SB509"

    def __init__(self, environment: str, address: str, source: str) -> None:
        super().__init__(
            f"{environment} uses {address}, from {source}, where Seedbed cannot create branches.",
            remedy=f"To branch the embedded server's database instead, remove {source}.",
        )


class NotAPreview(BranchError):
    """A branch is not a preview, so `seedbed preview` neither changes nor deletes it.

    `seedbed branch create` created the branch, and it may contain work that is still needed. Choose another name for
    the preview, or delete the branch with `seedbed branch delete`.
    """

    code = "SB510"

    def __init__(self, branch: str, mark: str) -> None:
        super().__init__(
            f"{branch} is a branch marked {mark}, not a preview.",
            remedy=f"Choose another name for the preview. To delete the branch: seedbed branch delete {branch}",
        )


class UnmaskedProductionCopy(BranchError):
    """An unmasked copy of production would be marked as another environment.

    More people could then read its rows. Mask the copy with `--data masked`, or confirm an unmasked copy with
    `--data copy --yes NAME`.
    """

    code = "SB511"

    def __init__(self, parent: str, environment: str) -> None:
        super().__init__(
            f"{parent} is marked production, and an unmasked copy of it cannot become a {environment}.",
            remedy="Replace personal data: --data masked. Or confirm with the database's name: --data copy --yes NAME",
        )


class InvalidExpiry(BranchError):
    """The expiry date of a branch is in the past or too far in the future.

    Pass a duration from now, such as `7d` or `12h`.
    """

    code = "SB512"

    def __init__(self, branch: str, reason: str) -> None:
        super().__init__(
            f"The expiry of {branch} is invalid: {reason}.", remedy="Give a time from now, such as 7d or 12h."
        )


class SealedBranch(BranchError):
    """A branch is sealed: it accepts no connections, so that it can be copied at any time.

    The base of previews is such a branch. To read its rows, create a branch from it.
    """

    code = "SB513"

    def __init__(self, branch: str) -> None:
        super().__init__(
            f"{branch} is sealed: it can only be copied, and nobody can connect to it.",
            remedy=f"Use a copy of it: seedbed branch create NAME --from {branch}",
        )


class InvalidPullRequestList(BranchError):
    """The list for `seedbed preview gc` is empty, or a line of it is not a pull request.

    An empty list usually means that the command that wrote the list failed. Nothing was deleted. Write one number per
    line, such as `42` or `pr-42`.
    """

    code = "SB514"

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(
            f"{source} is not a list of pull requests: {reason}. Nothing was deleted.",
            remedy="Write one number per line, and check that the command that made the list succeeded.",
        )


class NotInGitHubActions(BranchError):
    """`--output github` needs the variable `GITHUB_OUTPUT`, which is not set.

    The option writes to the file that the variable names. Run the command in a step of a GitHub workflow, or use
    another output.
    """

    code = "SB515"

    def __init__(self) -> None:
        super().__init__(
            "GITHUB_OUTPUT is not set, so there are no step outputs to write.",
            remedy="Run it in a step of a GitHub workflow, or use --output dotenv or --json.",
        )


class ProtectedPreviewBase(BranchError):
    """`seedbed preview down` does not delete the base from which new previews are copied.

    `preview down` deletes previews without confirmation, so it protects the base. `seedbed branch delete` deletes the
    base, and asks for its name.
    """

    code = "SB535"

    def __init__(self, base: str) -> None:
        super().__init__(
            f"{base} is the base that new previews are copied from, so preview down does not delete it.",
            remedy=f"To delete it anyway: seedbed branch delete {base}",
        )


class PreviewSchemaMismatch(BranchError):
    """A preview at the newest revision differs from the schema of the models.

    A revision is missing, or the database was changed without a migration. If this call created the preview, Seedbed
    deleted it again; an existing preview is unchanged. Indexes, additional privileges, and tables and other objects
    that no model describes are not errors; `preview up` lists them.
    """

    code = "SB536"

    def __init__(self, preview: str, differences: Sequence[str]) -> None:
        super().__init__(
            f"{preview} is at the newest revision and still differs from the models: {'; '.join(differences)}.",
            remedy="If a revision is missing: seedbed migrate draft -m TEXT. If the database was changed by hand, "
            f"recreate it: seedbed preview down {preview}, then seedbed preview up {preview}",
        )
