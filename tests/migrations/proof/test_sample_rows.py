"""Sample rows for a proof, generated from a database's catalog and models."""

from collections.abc import Callable

import pytest

from seedbed.migrations.proof.samples.sample_rows import SampleRows, insert_sample_rows
from seedbed.migrations.proof.samples.sample_values import read_model_rows
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from tests.support.projects import Project, execute

RULED = r"""
class Parcel(Table, table=True):
    __table_args__ = (
        CheckConstraint("code ~ '^[A-Z]{2}-[0-9]{4}$'", name="coded"),
        CheckConstraint("stop > start AND total = net + tax", name="adds_up"),
        CheckConstraint("state <> 'sent' OR sent_at IS NOT NULL", name="sent_when"),
    )
    id: int | None = Field(default=None, primary_key=True)
    code: str = Field(unique=True, max_length=7)
    start: int
    stop: int
    net: Decimal = Field(max_digits=8, decimal_places=2)
    tax: Decimal = Field(max_digits=8, decimal_places=2)
    total: Decimal = Field(max_digits=8, decimal_places=2)
    state: str
    sent_at: datetime | None = None
    note: str = Field(max_length=12)
"""
TENANTS = """
class Tenant(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)

class Member(Table, table=True):
    tenant_id: int = Field(primary_key=True, foreign_key="tenant.id")
    id: int = Field(primary_key=True)

class Project(Table, table=True):
    tenant_id: int = Field(primary_key=True, foreign_key="tenant.id")
    id: int = Field(primary_key=True)

class Job(Table, table=True):
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"]),
        ForeignKeyConstraint(["tenant_id", "project_id"], ["project.tenant_id", "project.id"]),
    )
    id: int | None = Field(default=None, primary_key=True)
    tenant_id: int
    member_id: int
    project_id: int
"""


def filled(project: Project, database: Database, *, with_models: bool) -> SampleRows:
    """Two sets of sample rows, one after the other, as in a proof; returns the result of the first."""
    made = read_model_rows(project.load_schema()) if with_models else None
    with connect(database) as connection:
        first = insert_sample_rows(connection, model_rows=made)
        second = insert_sample_rows(connection, seed=1, model_rows=made)
    assert (first.rows, first.without_rows.keys()) == (second.rows, second.without_rows.keys())
    return first


class TestInsertSampleRows:
    @pytest.mark.parametrize("with_models", [True, False])
    def test_rows_satisfy_constraints_of_the_models(
        self, make: Callable[..., Project], database: Database, with_models: bool
    ) -> None:
        project = make(RULED)

        found = filled(project, database, with_models=with_models)

        assert found.rows == ({"parcel": 4} if with_models else {})
        assert [*found.without_rows] == ([] if with_models else ["parcel"])

    @pytest.mark.parametrize("with_models", [True, False])
    def test_rows_match_the_pattern_of_a_domain(
        self, make: Callable[..., Project], database: Database, with_models: bool
    ) -> None:
        project = make(
            r"""
            from sqlalchemy import Text
            from sqlalchemy.dialects.postgresql import DOMAIN

            class Parcel(Table, table=True):
                id: int | None = Field(default=None, primary_key=True)
                code: str = Field(sa_type=DOMAIN("code", Text(), check="VALUE ~ '^[A-Z]{2}-[0-9]{4}$'"), unique=True)
            """
        )

        assert filled(project, database, with_models=with_models).rows == {"parcel": 4}

    def test_rows_include_edge_values(self, make: Callable[..., Project], database: Database) -> None:
        project = make(RULED)

        filled(project, database, with_models=True)

        notes = [note for (note,) in execute(database.direct, "SELECT note FROM parcel ORDER BY id")]
        assert 'O\'Neil \\ "x"' in notes
        assert "ž" * 12 in notes
        assert execute(database.direct, "SELECT count(*) > 1 FROM parcel WHERE sent_at IS NULL") == [(True,)]

    def test_foreign_keys_that_share_a_column_agree(self, make: Callable[..., Project], database: Database) -> None:
        project = make(TENANTS)

        found = filled(project, database, with_models=False)

        assert found.rows == {"tenant": 4, "member": 4, "project": 4, "job": 4}
