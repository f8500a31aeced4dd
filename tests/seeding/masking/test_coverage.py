"""Masking over every way in which a database can hold a value; what is left out has to be named."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seedbed.errors import (
    ConflictingMaskingOptions,
    EmptiedTableReferenced,
    ExposedOriginalValues,
    InvalidEmptyTarget,
    PersonalForeignTable,
    SeedError,
    UnknownMaskingTarget,
    UnmarkedSourceColumns,
    UnmodeledData,
)
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from seedbed.schema.creation import create_schema
from seedbed.seeding.core.faker_pool import FakerPools
from seedbed.seeding.masking import MaskedDatabase, MaskingExceptions, mask
from seedbed.seeding.masking.coverage import format_path, matches
from seedbed.seeding.planning.lock_file import get_today
from seedbed.settings import Project as SettingsProject
from tests.support.catalogs import catalog_rows
from tests.support.projects import Project, execute, little_project

TABLES = """
from sqlalchemy import Computed
from sqlmodel import Text


def marked(kind, **others):
    return Field(sa_column_kwargs={"info": {"pii": kind}}, **others)


class Person(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    email: str = marked("email", max_length=60, unique=True)
    first_name: str = marked("first_name")
    note: str | None = marked("null", default=None)
    city: str = "Oslo"


class Account(Table, table=True):
    email: str = marked("email", max_length=60, primary_key=True)
    person_id: int = Field(foreign_key="person.id")


class Login(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    email: str = marked("email", max_length=60, foreign_key="account.email")


class Lead(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    email: str = marked("email", max_length=60)
    searched: str | None = Field(default=None, sa_column=Column(Text, Computed("lower(email)", persisted=True)))
    other_email: str | None = marked("email", default=None)


class Visit(Table, table=True):
    __table_args__ = {"postgresql_partition_by": "RANGE (id)"}
    id: int = Field(primary_key=True)
    email: str = marked("email", max_length=60)


class Mailbox(Table, table=True):
    __table_args__ = {"postgresql_partition_by": "HASH (email)"}
    email: str = marked("email", max_length=60, primary_key=True)
    quota: int = 0


class Contact(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    email: str = marked("email", max_length=60)

"""
SENTINEL = "planted.sentinel"
PLANTED = Path(__file__).with_name("planted.sql").read_text(encoding="utf-8")
UNDESCRIBED = ["contact_old.nick", "contact_old.since", "country", "neon_auth.users_sync", "person.legacy",
               "pg_largeobject", "spy"]  # fmt: skip
EXCEPTIONS = MaskingExceptions(
    keep=("country", "contact_old.since"), empty=("spy", "neon_auth.*", "person.legacy", "*.nick", "pg_largeobject")
)
LEFT_IN_ROWS = """
SELECT format('SELECT %L, count(*) FROM %s t WHERE t::text LIKE ''%%planted.sentinel%%'' HAVING count(*) > 0',
  c.oid::regclass, c.oid::regclass)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm', 'v') AND c.relispopulated
  AND (c.relkind <> 'v' OR c.relname ~ '^pg_stats' OR n.nspname NOT IN ('pg_catalog', 'information_schema'))
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with little_project(tmp_path, TABLES) as made:
        yield made


@pytest.fixture
def planted(project: Project, given: Callable[..., Database]) -> Database:
    database = given()
    with connect(database) as connection:
        create_schema(connection, project.load_schema())
        connection.commit()
    execute(database.direct, PLANTED)
    return database


def masked(project: Project, database: Database, exceptions: MaskingExceptions = EXCEPTIONS) -> MaskedDatabase:
    return mask(project.load_schema(), database, FakerPools(get_today()), exceptions=exceptions)


def left_in_rows(server: TemporaryServer, database: Database) -> list[tuple[str, int]]:
    """Every table, view and system table in which a superuser reads a sentinel."""
    url = server.url(database.name)
    scans = [scan for (scan,) in execute(url, LEFT_IN_ROWS)]
    found = [row for scan in scans for row in execute(url, scan)]
    if execute(url, f"SELECT oid FROM pg_largeobject_metadata WHERE lo_get(oid) LIKE '{SENTINEL}%'::bytea"):
        found.append(("a large object", 1))
    return found


def left_in_files(server: TemporaryServer, database: Database) -> list[str]:
    execute(server.url(), "CHECKPOINT")
    (oid,) = execute(server.url(database.name), "SELECT oid FROM pg_database WHERE datname = current_database()")[0]
    (folder,) = server.directory.rglob(f"base/{oid}")
    return sorted(file.name for file in folder.iterdir() if SENTINEL.encode() in file.read_bytes())


class TestSentinels:
    def test_are_found_nowhere_after_masking(
        self, project: Project, planted: Database, given_server: TemporaryServer
    ) -> None:
        assert {name for name, _ in left_in_rows(given_server, planted)} >= {
            "person", "lead", "last", "middle", "hidden", "contact_old", "mailbox_0", "spy", "pg_statistic",
            "pg_statistic_ext_data", "pg_attribute", "a large object", "neon_auth.users_sync", "visit_rest",
        }  # fmt: skip
        assert left_in_files(given_server, planted) != []

        done = masked(project, planted)

        assert left_in_rows(given_server, planted) == []
        assert left_in_files(given_server, planted) == []
        assert set(done.emptied) == {
            "spy", "neon_auth.users_sync", "person.legacy", "contact_old.nick", "pg_largeobject"
        }  # fmt: skip
        assert (done.kept, done.unclean) == (("contact_old.since", "country"), ())

    def test_leave_every_row_and_join(self, project: Project, planted: Database, given_server: TemporaryServer) -> None:
        counts = "SELECT " + ", ".join(
            f"(SELECT count(*) FROM {table})"
            for table in ("person", "account JOIN login USING (email)", "account JOIN person USING (email)", "visit",
                          "visit JOIN person USING (id, email)", "mailbox JOIN person USING (email)", "lead",
                          "ONLY contact", "ONLY contact_vip", "contact_old", "last JOIN hidden USING (email)",
                          "country")
        )  # fmt: skip
        url = given_server.url(planted.name)
        before = execute(url, counts)

        masked(project, planted)

        assert execute(url, counts) == before
        assert execute(url, "SELECT count(*) FROM lead WHERE searched IS DISTINCT FROM lower(email)") == [(0,)]
        assert execute(url, "SELECT DISTINCT legacy FROM person") == [(None,)]

    def test_leave_the_catalog_as_it_was(
        self, project: Project, planted: Database, given_server: TemporaryServer
    ) -> None:
        url = given_server.url(planted.name)
        before = catalog_rows(url)

        masked(project, planted)

        after = catalog_rows(url)
        assert {name: sorted(before[name] ^ after[name]) for name in before if before[name] != after[name]} == {}


class TestUndescribed:
    def test_is_refused_by_name_and_nothing_is_changed(self, project: Project, planted: Database) -> None:
        with pytest.raises(UnmodeledData) as refused:
            masked(project, planted, MaskingExceptions())

        assert f"The models do not describe {', '.join(UNDESCRIBED)}," in refused.value.message
        assert execute(planted.direct, f"SELECT count(*) FROM person WHERE email LIKE '{SENTINEL}%'") == [(400,)]

    def test_leaves_out_extensions_and_the_version_table(
        self, project: Project, planted: Database, given_server: TemporaryServer
    ) -> None:
        execute(planted.direct, "CREATE SCHEMA history; CREATE TABLE history.versions (version_num varchar)")
        execute(
            given_server.url(planted.name),
            "CREATE EXTENSION pg_trgm; CREATE TABLE public.of_extension (a int);"
            "ALTER EXTENSION pg_trgm ADD TABLE public.of_extension",
        )

        with pytest.raises(UnmodeledData, match=r"describe history\.versions,"):
            masked(project, planted)
        mask(
            project.load_schema(),
            planted,
            FakerPools(get_today()),
            exceptions=EXCEPTIONS,
            version_table="history.versions",
        )

    @pytest.mark.parametrize(
        ("prepared", "keep", "empty", "refusal", "says"),
        [
            ("SELECT", ["spies"], [], UnknownMaskingTarget, "no table or column spies"),
            ("SELECT", ["spy"], [], ConflictingMaskingOptions, "spy would be both"),
            (
                "ALTER TABLE person ADD code int NOT NULL DEFAULT 1; ALTER TABLE person ALTER code DROP DEFAULT",
                [], ["person.code"], InvalidEmptyTarget, "person.code cannot be emptied: it is NOT NULL",
            ),
            (
                "ALTER TABLE country ADD PRIMARY KEY (code); ALTER TABLE person ADD nation text REFERENCES country",
                ["person.nation"], ["c*y"], EmptiedTableReferenced, "Empty these as well: --empty person",
            ),
        ],
        ids=["unknown", "both", "not null", "referenced"],
    )  # fmt: skip
    def test_needs_exceptions_that_can_be(
        self,
        project: Project,
        planted: Database,
        prepared: str,
        keep: list[str],
        empty: list[str],
        refusal: type[SeedError],
        says: str,
    ) -> None:
        execute(planted.direct, prepared)
        kept = [name for name in EXCEPTIONS.keep if "c*y" not in empty or name != "country"]
        exceptions = MaskingExceptions((*kept, *keep), (*EXCEPTIONS.empty, *empty), frozenset([*keep, *empty]))

        with pytest.raises(refusal) as refused:
            masked(project, planted, exceptions)

        assert says in f"{refused.value.message} {refused.value.remedy}"

    def test_is_named_on_the_command_line_or_in_pyproject(
        self, project: Project, planted: Database, given_server: TemporaryServer
    ) -> None:
        settings = project.root / "pyproject.toml"
        settings.write_text(
            f"{settings.read_text()}[tool.seedbed.masking]\nkeep = ['country', 'not.here']\nempty = ['neon_auth.*']\n"
        )
        command = ("seedbed", "seed", "mask", "--yes", planted.name)
        given = {"DATABASE_URL": planted.direct.reveal()}
        emptied = ("spy", "person.legacy", "contact_old.nick", "contact_old.since", "pg_largeobject")
        options = [f"--empty={name}" for name in emptied]

        refused = project.run(*command, code=1, given=given)
        unknown = project.run(*command, *options, "--keep", "not.there", code=1, given=given)
        done = project.run(*command, *options, given=given)

        assert "SB445" in refused.stderr
        assert "contact_old.nick, contact_old.since, person.legacy, pg_largeobject, spy," in refused.stderr
        assert "SB447 The database has no table or column not.there." in unknown.stderr
        lines = [line.split() for line in done.stdout.splitlines()]
        assert ["neon_auth.users_sync", "emptied"] in lines
        assert ["country", "kept"] in lines
        assert left_in_rows(given_server, planted) == []

    def test_may_be_no_foreign_table(self, project: Project, planted: Database, given_server: TemporaryServer) -> None:
        url = given_server.url(planted.name)
        execute(url, "CREATE FOREIGN DATA WRAPPER nowhere; CREATE SERVER far FOREIGN DATA WRAPPER nowhere")
        execute(url, "CREATE FOREIGN TABLE elsewhere (line text) SERVER far")
        with pytest.raises(UnmodeledData, match="elsewhere"):
            masked(project, planted)
        with pytest.raises(InvalidEmptyTarget, match="elsewhere"):
            masked(project, planted, MaskingExceptions(EXCEPTIONS.keep, (*EXCEPTIONS.empty, "elsewhere")))

        execute(url, "CREATE FOREIGN TABLE contact_far () INHERITS (contact) SERVER far")
        with pytest.raises(PersonalForeignTable, match="contact_far"):
            masked(project, planted, MaskingExceptions((*EXCEPTIONS.keep, "elsewhere"), EXCEPTIONS.empty))

    def test_may_not_come_in_from_elsewhere(
        self, project: Project, planted: Database, given_server: TemporaryServer
    ) -> None:
        name = f"s_{planted.name}"
        url = given_server.url(planted.name)
        execute(
            url,
            f"CREATE SUBSCRIPTION {name} CONNECTION 'host=127.0.0.1 port=1 dbname=none password=x' PUBLICATION p"
            " WITH (connect = false)",
            f"ALTER SUBSCRIPTION {name} ENABLE",
        )
        try:
            with pytest.raises(ExposedOriginalValues) as refused:
                masked(project, planted)
        finally:
            execute(
                url,
                f"ALTER SUBSCRIPTION {name} DISABLE",
                f"ALTER SUBSCRIPTION {name} SET (slot_name = NONE)",
                f"DROP SUBSCRIPTION {name}",
            )

        assert refused.value.remedy == f"Remove each first: ALTER SUBSCRIPTION {name} DISABLE"

    def test_values_may_not_come_back_by_a_generated_column(
        self, tmp_path: Path, given: Callable[..., Database]
    ) -> None:
        tables = TABLES.replace(
            'Computed("lower(email)", persisted=True)',
            'Computed("lower(secretary)", persisted=True), info={"pii": "text"}',
        )
        tables = tables.replace("    searched: str", "    secretary: str = marked(None)\n    searched: str")
        database = given()
        with little_project(tmp_path, tables) as project:
            with connect(database) as connection:
                create_schema(connection, project.load_schema())
                connection.commit()

            with pytest.raises(
                UnmarkedSourceColumns, match=r"lead\.searched is marked .* generated from lead\.secretary"
            ):
                masked(project, database, MaskingExceptions())


@pytest.mark.unit
class TestNames:
    @pytest.mark.parametrize(
        ("pattern", "path", "expected"),
        [
            ("log", ("public", "log"), True),
            ("public.log", ("public", "log"), True),
            ("log", ("audit", "log"), False),
            ("audit.*", ("audit", "log"), True),
            ("audit.*", ("audit", "log", "text"), False),
            ("*", ("public", "person", "email"), False),
            ("person.legacy_*", ("public", "person", "legacy_email"), True),
            ("Person", ("public", "person"), False),
            ('"a.b"', ("public", "a.b"), True),
            ('"lo*"', ("public", "log"), False),
            ('"say ""hi"""', ("public", 'say "hi"'), True),
            ("pg_largeobject", ("pg_catalog", "pg_largeobject"), True),
        ],
    )
    def test_match_part_by_part(self, pattern: str, path: tuple[str, ...], expected: bool) -> None:
        assert matches(pattern, path) is expected

    @pytest.mark.parametrize("path", [("public", "log"), ("audit", "a.b", 'c "d"'), ("neon_auth", "users_sync")])
    def test_match_as_they_are_shown(self, path: tuple[str, ...]) -> None:
        assert matches(format_path(path), path)


@pytest.mark.unit
class TestExceptions:
    def test_of_a_project_and_of_options_count_together(self) -> None:
        project = SettingsProject(root=Path(), name="shop", masking_keep=("country",), masking_empty=("neon_auth.*",))

        exceptions = MaskingExceptions.from_project(project, keep=["unit"], empty=["log"])

        assert [exceptions.keeps(("public", name)) for name in ("country", "unit", "log")] == [True, True, False]
        assert exceptions.empties(("neon_auth", "users_sync"))
        assert exceptions.list_unmatched([("public", "unit")]) == ["log"]
