"""Errors about applying and rehearsing revisions (SB204 to SB242)."""

from collections.abc import Sequence
from pathlib import Path

from seedbed.errors.base import MigrationError


class RevisionFailure(MigrationError):
    """A revision failed while it was applied; the revisions before it stay applied.

    Each revision runs in one transaction, so the failed revision was rolled back completely. An online revision is an
    exception: it commits each step, and the next `apply` continues after the last committed step. Usually the database
    contains rows that the proof did not have. Fix the rows. If no database has the revision yet, you can fix the
    revision instead. If the revision's Python code raised an exception, the message names its line instead of
    PostgreSQL's reason.
    """

    code = "SB204"

    def __init__(
        self, revision: str, reason: str, *, applied: Sequence[str], in_steps: bool = False, location: str | None = None
    ) -> None:
        ids = ", ".join(applied)
        previous = f"{ids} stayed applied" if applied else "nothing was applied"
        failure, retry = "failed and was rolled back", ""
        if in_steps:
            previous = f"{ids} and the steps before it stayed applied" if applied else "the steps before it stay"
            failure = "failed at a step, and its steps are committed as they run"
            retry = ": it continues after the last committed step, and replaces an index that is left invalid"
        super().__init__(
            f"Revision {revision} {failure}; {previous}. {'PostgreSQL says' if location is None else location}: "
            f"{reason}",
            remedy=f"Fix the revision or the conflicting rows, then run seedbed migrate apply again{retry}.",
        )


class MigrationLockTimeout(MigrationError):
    """Another session is migrating this database.

    Only one session at a time can migrate a database. A second session waits for one minute. The lock ends with the
    session that holds it, so no unlock is needed: wait, or end that session.
    """

    code = "SB206"

    def __init__(self, database: str, seconds: float) -> None:
        super().__init__(
            f"Another session has been migrating {database} for {seconds:.0f} s.",
            remedy="Wait for it; seedbed migrate status shows its progress.",
        )


class DatabaseNotAtHead(MigrationError):
    """The database has pending revisions, but this command needs the newest schema.

    Seeds are generated from the models, so the tables must match the models. Apply the pending revisions.
    """

    code = "SB207"

    def __init__(self, database: str, revision: str | None, head: str | None) -> None:
        super().__init__(
            f"{database} is at {revision or 'no revision'}; the newest is {head or 'none'}.",
            remedy="Apply the pending revisions: seedbed migrate apply",
        )


class TableLockTimeout(MigrationError):
    """A revision could not lock a table, because other sessions held a conflicting lock during every attempt.

    While a statement waits for a lock, all later queries on the table wait behind it. Each attempt therefore waits for
    one second only (`--lock-timeout`). After that, Seedbed rolls the revision back and tries again, up to twenty times
    (`--tries`). The message names the sessions with the oldest open transactions, such as a forgotten psql, a report or
    a job.
    """

    code = "SB217"

    def __init__(
        self,
        revision: str,
        attempts: int,
        seconds: float,
        sessions: Sequence[str],
        *,
        applied: Sequence[str],
        is_downgrade: bool = False,
    ) -> None:
        done = "undone" if is_downgrade else "applied"
        previous = f"{', '.join(applied)} stayed {done}" if applied else f"nothing was {done}"
        oldest = f" Oldest open transactions: {'; '.join(sessions)}." if sessions else ""
        super().__init__(
            f"Revision {revision} could not get its locks in {attempts} attempts over {seconds:.0f} s, because other "
            f"sessions hold them. It was rolled back; {previous}.{oldest}",
            remedy=f"Run seedbed migrate {'downgrade' if is_downgrade else 'apply'} again after they finish, or end "
            "those sessions.",
        )


class HazardsNotAllowed(MigrationError):
    """A revision would destroy something in production, and the hazard is not allowed.

    The revision destroys a table, a column or the possibility to downgrade. No revision was applied or undone.
    `seedbed migrate plan` lists the hazards of every revision. Allow a hazard with `--allow` on the command line, or
    with a comment in the revision, where a reviewer sees it.
    """

    code = "SB218"

    def __init__(
        self, database: str, hazards: Sequence[str], rules: Sequence[str], *, is_downgrade: bool = False
    ) -> None:
        options = " ".join(f"--allow {rule}" for rule in rules)
        alternatives = (
            ""
            if is_downgrade
            else f" (plain alembic: -x allow={','.join(rules)}), or write into the revision: # seedbed: allow "
            f"{', '.join(rules)}"
        )
        super().__init__(
            f"Nothing was {'undone in' if is_downgrade else 'applied to'} {database}: {'; '.join(hazards)}.",
            remedy=f"If that is intended, add {options}{alternatives}",
        )


class RehearsalCopyFailure(MigrationError):
    """`seedbed migrate rehearse` cannot copy the database.

    On an embedded server, the command copies the database itself. On other servers it uses `pg_dump` and `psql`, which
    must be on `PATH` and no older than the server. Alternatively, make your own copy, such as a branch or a restored
    backup, and pass its URL with `--on`.
    """

    code = "SB219"

    def __init__(self, database: str, reason: str) -> None:
        super().__init__(
            f"{database} cannot be rehearsed on a copy: {reason}.",
            remedy="Make a copy yourself and pass its URL: seedbed migrate rehearse --on URL",
        )


class MixedTransactionRevision(MigrationError):
    """A revision has statements in an autocommit block and statements outside it.

    PostgreSQL commits each statement in the block at once, as for `CREATE INDEX CONCURRENTLY`. If the process ends
    after the block, the revision is half applied, and the next run fails because the objects already exist. Move the
    block into a separate revision that can run again, with `IF NOT EXISTS`.
    """

    code = "SB220"

    def __init__(self, revision: str) -> None:
        super().__init__(
            f"Revision {revision} has statements in an autocommit block and others outside it. Interrupted between "
            "them, it could neither be run again nor be rolled back.",
            remedy="Move the autocommit block into its own revision: seedbed migrate draft --empty",
        )


class ProductionNotConfirmed(MigrationError):
    """Plain `alembic upgrade` or `alembic downgrade` was run on a production database without confirmation.

    Seedbed ran the revisions on a temporary database, and the message names their risks. For an upgrade, first allow
    hazards that destroy data: pass `-x allow=RULE`, with several rules separated by commas, or add a comment to the
    revision. Then confirm with `-x yes=NAME`, where NAME is the database's name.
    """

    code = "SB221"

    def __init__(self, database: str, verb: str, revisions: Sequence[str], hazards: Sequence[str]) -> None:
        risks = f" {'; '.join(hazards)}." if hazards else ""
        super().__init__(
            f"{database} is marked production, and this would {verb} {', '.join(revisions)}.{risks}",
            remedy=f"If that is intended, confirm with its name: alembic -x yes={database} {verb} REVISION",
        )


class PendingProductionRevisions(MigrationError):
    """`seedbed up` does not apply pending revisions in production.

    It migrates every other environment. In production, review the pending revisions and their risks, apply them with
    `seedbed migrate apply`, and run `seedbed up` again.
    """

    code = "SB222"

    def __init__(self, database: str, pending: Sequence[str]) -> None:
        super().__init__(
            f"{database} is production and lacks {', '.join(pending)}; nothing was applied.",
            remedy="Review and apply them: seedbed migrate apply -e production",
        )


class UnsupportedEnvPy(MigrationError):
    """The project's `env.py` ignores the connection that Seedbed passes to it.

    `env.py` opens its own connection, so a command for one database would migrate another. No revision was run.
    `seedbed init` shows the four missing lines and writes them.
    """

    code = "SB223"

    def __init__(self, env_file: Path) -> None:
        super().__init__(
            f"{env_file} ignores the connection that Seedbed passes to it, and would migrate the database that it "
            "connects to.",
            remedy="Review the missing lines, then write them: seedbed init",
        )


class ExtensionUnavailable(MigrationError):
    """A revision has `CREATE EXTENSION`, but the extension is not installed on the server.

    The embedded server has most of PostgreSQL's own extensions and pgvector, but not `uuid-ossp`, `pgcrypto` and
    PostGIS. The revision was not applied; the revisions before it stay applied. Use a server that has the extension.
    """

    code = "SB224"

    def __init__(self, revision: str, extension: str) -> None:
        super().__init__(
            f"Revision {revision} needs the extension {extension}, which the server does not have.",
            remedy="Set DATABASE_URL to a server that has it, and SHADOW_DATABASE_URL for drafts and checks.",
        )


class EnvPyFailure(MigrationError):
    """The project's `env.py`, or a module that it imports, raised an exception before any revision ran.

    Usually the code reads a database URL from a variable that is not set. Set the variable to any URL, because Seedbed
    passes its own connection. Alternatively, move that line into the function that connects.
    """

    code = "SB227"

    def __init__(self, env_file: Path, location: str, reason: str) -> None:
        super().__init__(
            f"{env_file} failed at {location}, before any revision: {reason}",
            remedy="Set what it needs. A database URL may have any value there: Seedbed passes its own connection.",
        )


class DefaultSchemaMismatch(MigrationError):
    """The first schema in the `search_path` of the database or the role is not `public`.

    PostgreSQL would create the tables of models without a schema in that other schema, but Seedbed would look for them
    in `public`. Seedbed checks this only before the first revision of a database. Nothing was changed. Set the schema
    in the models, or reset the `search_path`.
    """

    code = "SB238"

    def __init__(self, database: str, search_path: str, schema: str) -> None:
        super().__init__(
            f"The search_path of {database} is {search_path}, so tables without a schema would be created in"
            f" {schema}; models without a schema mean public.",
            remedy="Set the schema in the models, or reset the search_path of the migrating role: "
            "ALTER ROLE ... IN DATABASE ... SET search_path = public",
        )


class ObjectNameConflict(MigrationError):
    """A pending revision creates an object, but the database has a different object of the same name.

    The existing index, constraint, column or table was created without a migration. `IF NOT EXISTS` compares only the
    name. `apply` therefore compares both definitions, as PostgreSQL prints them, and stops before the statement. The
    message shows both definitions. The remedy shows how to resolve the conflict. An object with the same definition
    counts as created. An invalid index of that name is rebuilt.
    """

    code = "SB242"

    def __init__(self, database: str, kind: str, name: str, *, existing: str, expected: str, remedy: str) -> None:
        """`kind` is the kind of object, and `existing` and `expected` are its two definitions."""
        super().__init__(
            f"{database} already has another {kind} {name}: it has {existing}, and the revision creates {expected}.",
            remedy=f"{remedy} Then run seedbed migrate apply again.",
        )
