"""Where the rows of a preview come from: migrated, and then seeded, masked or left as they are."""

from dataclasses import dataclass
from enum import StrEnum

from seedbed.branching import BranchProvider
from seedbed.errors import SeedsNotFound
from seedbed.migrating.applying import Applied, apply
from seedbed.modelling import load_schema
from seedbed.postgres.connecting import connect
from seedbed.postgres.databases import Database
from seedbed.postgres.marks import tables_with_rows
from seedbed.postgres.resetting import empty
from seedbed.seeding.locking import read_lock
from seedbed.seeding.masking import Masked, mask
from seedbed.seeding.plan import plan
from seedbed.seeding.pools import Pools
from seedbed.seeding.running import Seeded, run
from seedbed.settings import Configuration, Environment, Origin
from seedbed.settings.sources import Kind


class Data(StrEnum):
    """What is asked for: rows made by seeds/preview.py, those of the parent, or those with personal data replaced.

    `auto` keeps what the copy has, and seeds where it has nothing.
    """

    AUTO = "auto"
    SEED = "seed"
    COPY = "copy"
    MASKED = "masked"


class Rows(StrEnum):
    """What came of it."""

    COPIED = "copied"
    MASKED = "masked"
    SEEDED = "seeded"
    NONE = "none"


@dataclass(frozen=True)
class Filled:
    applied: Applied
    rows: Rows
    seeded: Seeded | None = None
    masked: Masked | None = None


def fill(configuration: Configuration, provider: BranchProvider, name: str, data: Data) -> Filled:
    """Migrate a branch that is being prepared, and give it its rows.

    Raises:
        MigrationError, SeedError: a revision, the seeds or a mask failed.
        SeedsNotFound: rows were to be made, and there is no seeds/preview.py.
    """
    provider.wait(name)
    url = provider.url(name, unfinished=True)
    database = Database(url, url, Environment.PREVIEW, Origin(Kind.DERIVED, f"branch {name}"))
    if data is Data.SEED:
        empty(database)
    applied = apply(configuration.project, database, contract=True)
    if data is Data.COPY:
        return Filled(applied, Rows.COPIED)
    if data is Data.MASKED:
        schema, lock = load_schema(configuration.project), read_lock(configuration.project, Environment.PREVIEW)
        return Filled(applied, Rows.MASKED, masked=mask(schema, database, Pools(lock.as_of), seed=lock.seed))
    with connect(database) as connection:
        occupied = bool(tables_with_rows(connection))
    if data is Data.AUTO and occupied:
        return Filled(applied, Rows.COPIED)
    try:
        wanted = plan(configuration.project, load_schema(configuration.project), Environment.PREVIEW)
    except SeedsNotFound:
        if data is Data.SEED:
            raise
        return Filled(applied, Rows.NONE)
    return Filled(applied, Rows.SEEDED, run(wanted, database, revision=applied.revision))
