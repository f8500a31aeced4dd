"""Errors of applying, rehearsing and undoing revisions (SB2xx)."""

from collections.abc import Sequence
from pathlib import Path

from seedbed.errors.base import MigrationError


class RevisionFailure(MigrationError):
    """A revision raised while it was applied; those before it stay applied."""

    code = "SB204"

    def __init__(
        self, revision: str, reason: str, *, applied: Sequence[str], in_steps: bool = False, place: str | None = None
    ) -> None:
        done = ", ".join(applied)
        before = f"{done} stayed applied" if applied else "nothing was applied"
        failed, again = "failed and was rolled back", ""
        if in_steps:
            before = f"{done} and the steps before it stayed applied" if applied else "those before it stay"
            failed = "failed at a step, and its steps are committed as they run"
            again = ": it goes on where it was, and replaces an index that is left invalid"
        super().__init__(
            f"Revision {revision} {failed}; {before}. {'PostgreSQL says' if place is None else place}: {reason}",
            remedy=f"Mend the revision or the rows it trips over, then run seedbed migrate apply again{again}.",
        )


class MigrationLockTimeout(MigrationError):
    """Another session is migrating this database."""

    code = "SB206"

    def __init__(self, database: str, seconds: float) -> None:
        super().__init__(
            f"Another session has been migrating {database} for {seconds:.0f} s.",
            remedy="Wait for it; seedbed migrate status shows how far it has come.",
        )


class DatabaseNotAtHead(MigrationError):
    """A database has not had every revision, and this command needs it to."""

    code = "SB207"

    def __init__(self, database: str, revision: str | None, head: str | None) -> None:
        super().__init__(
            f"{database} is at {revision or 'no revision'}; the newest is {head or 'none'}.",
            remedy="seedbed migrate apply",
        )


class TableLockTimeout(MigrationError):
    """A revision needs a lock that other sessions did not let go of."""

    code = "SB217"

    def __init__(
        self,
        revision: str,
        tries: int,
        seconds: float,
        sessions: Sequence[str],
        *,
        applied: Sequence[str],
        down: bool = False,
    ) -> None:
        done = "undone" if down else "applied"
        before = f"{', '.join(applied)} stayed {done}" if applied else f"nothing was {done}"
        longest = f" Open the longest: {'; '.join(sessions)}." if sessions else ""
        super().__init__(
            f"Revision {revision} met locks of other sessions at each of {tries} tries in {seconds:.0f} s, and was "
            f"rolled back; {before}.{longest}",
            remedy=f"Run seedbed migrate {'downgrade' if down else 'apply'} again when they are done, or end those "
            "sessions.",
        )


class HazardsNotAllowed(MigrationError):
    """A pending revision destroys something, and nobody has said that it may."""

    code = "SB218"

    def __init__(self, database: str, hazards: Sequence[str], rules: Sequence[str], *, down: bool = False) -> None:
        options = " ".join(f"--allow {rule}" for rule in rules)
        otherwise = (
            ""
            if down
            else f" (plain alembic: -x allow={','.join(rules)}), or write into the revision: # seedbed: allow "
            f"{', '.join(rules)}"
        )
        super().__init__(
            f"Nothing was {'undone in' if down else 'applied to'} {database}: {'; '.join(hazards)}.",
            remedy=f"If that is meant, add {options}{otherwise}",
        )


class RehearsalCopyFailure(MigrationError):
    """There is no copy of a database to rehearse on."""

    code = "SB219"

    def __init__(self, database: str, reason: str) -> None:
        super().__init__(
            f"{database} cannot be rehearsed on a copy: {reason}.",
            remedy="Make a copy yourself, and name it: seedbed migrate rehearse --on URL",
        )


class MixedTransactionRevision(MigrationError):
    """A revision runs a part in its transaction and a part outside of it."""

    code = "SB220"

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"Revision {revision} has statements in an autocommit block and others beside it; killed between them, it "
            "could neither be run again nor be rolled back.",
            remedy="Put the autocommit block into a revision of its own: seedbed migrate draft --empty",
        )


class ProductionNotConfirmed(MigrationError):
    """Plain alembic was to migrate production, or to bring it back, without its name."""

    code = "SB221"

    def __init__(self, database: str, verb: str, revisions: Sequence[str], hazards: Sequence[str]) -> None:
        dangers = f" {'; '.join(hazards)}." if hazards else ""
        super().__init__(
            f"{database} is marked production, and this would {verb} {', '.join(revisions)}.{dangers}",
            remedy=f"If it is meant, say so by its name: alembic -x yes={database} {verb} REVISION",
        )


class PendingProductionRevisions(MigrationError):
    """Production has revisions to be applied, and the main job applies none there without being asked."""

    code = "SB222"

    def __init__(self, database: str, pending: Sequence[str]) -> None:
        super().__init__(
            f"{database} is production and lacks {', '.join(pending)}; nothing was applied.",
            remedy="Look at them and apply them: seedbed migrate apply -e production",
        )


class UnsupportedEnvPy(MigrationError):
    """The project's env.py connects by itself, so that a command would migrate another database than the one meant."""

    code = "SB223"

    def __init__(self, env: Path) -> None:
        super().__init__(
            f"{env} does not take the connection that Seedbed hands over, and would migrate whatever it connects to.",
            remedy="Look at the lines it lacks, and have them written: seedbed init",
        )


class ExtensionUnavailable(MigrationError):
    """A revision makes an extension that the server does not have; those before it stay applied."""

    code = "SB224"

    def __init__(self, revision: str, extension: str) -> None:
        super().__init__(
            f"Revision {revision} needs the extension {extension}, and the server does not have it.",
            remedy="Name a server that has it, by DATABASE_URL, and for drafts and checks by SHADOW_DATABASE_URL.",
        )


class EnvPyFailure(MigrationError):
    """The project's env.py raised before it ran a revision."""

    code = "SB227"

    def __init__(self, env: Path, place: str, reason: str) -> None:
        super().__init__(
            f"{env} failed at {place}, before any revision: {reason}",
            remedy="Set what it asks for. An address of a database may be any there: Seedbed hands over its own "
            "connection.",
        )


class NoDowngradePath(MigrationError):
    """A downgrade was asked for to where no way leads down from the database's revision."""

    code = "SB231"

    def __init__(self, database: str, revision: str | None, target: str, reason: str | None = None) -> None:
        no_way = f"there is no way down from there to {target}{f': {reason}' if reason else ''}"
        super().__init__(
            f"{database} is at {revision or 'no revision'}, and {no_way if revision else 'there is nothing to undo'}.",
            remedy="seedbed migrate status shows where the database is; seedbed migrate downgrade takes -1, base, or a "
            "revision that is below it.",
        )


class IrreversibleRevision(MigrationError):
    """A revision in the way of a downgrade says that it has no way back."""

    code = "SB233"

    def __init__(self, revision: str, reason: str | None) -> None:
        super().__init__(
            f"Revision {revision} has no way back{f': {reason}' if reason else ''}. Nothing was changed.",
            remedy="Go down no further than this revision, or write its downgrade(), or undo it by a new revision: "
            "seedbed migrate draft -m TEXT",
        )


class DowngradeFailure(MigrationError):
    """The downgrade of a revision raised; those after it stay undone."""

    code = "SB234"

    def __init__(
        self, revision: str, reason: str, *, undone: Sequence[str], in_steps: bool = False, place: str | None = None
    ) -> None:
        before = f"{', '.join(undone)} stayed undone" if undone else "nothing was undone"
        failed = (
            "failed at a step, and its steps are committed as they run" if in_steps else "failed and was rolled back"
        )
        super().__init__(
            f"The downgrade of {revision} {failed}; {before}. {place or 'PostgreSQL says'}: {reason}",
            remedy="Correct its downgrade() or the rows it trips over, then run seedbed migrate downgrade again.",
        )


class DefaultSchemaMismatch(MigrationError):
    """The database's search_path puts tables without a schema elsewhere than in the schema public."""

    code = "SB238"

    def __init__(self, database: str, search_path: str, schema: str) -> None:
        super().__init__(
            f"The search_path of {database} is {search_path}, so that tables without a schema would be created in"
            f" {schema}; models without a schema mean public.",
            remedy="Give the models their schema, or set the search_path back for the role that migrates: "
            "ALTER ROLE ... IN DATABASE ... SET search_path = public",
        )


class ObjectNameConflict(MigrationError):
    """A pending revision makes something whose name the database has already given to something else."""

    code = "SB242"

    def __init__(self, database: str, kind: str, name: str, *, existing: str, wanted: str, remedy: str) -> None:
        super().__init__(
            f"{database} has another {kind} {name} already: it has {existing}, and the revision makes {wanted}.",
            remedy=f"{remedy} Then run seedbed migrate apply again.",
        )
