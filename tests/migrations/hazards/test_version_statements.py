"""Recognize Alembic's statements on the version table."""

import pytest

from seedbed.migrations.hazards.trace import VersionStatements

pytestmark = pytest.mark.unit


class TestVersionStatements:
    @pytest.mark.parametrize(
        ("version_table", "statement"),
        [
            ("alembic_version", "INSERT INTO alembic_version (version_num) VALUES ('a') RETURNING version_num"),
            ("meta.revision", "UPDATE meta.revision SET version_num='b' WHERE meta.revision.version_num = 'a'"),
            ("meta.Revision", 'DELETE FROM meta."Revision" WHERE meta."Revision".version_num = \'a\''),
        ],
    )
    def test_change_the_configured_version_table(self, version_table: str, statement: str) -> None:
        statements = VersionStatements(version_table)

        assert statements.is_version_change(statement)
        assert statements.is_internal_query(statement)

    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT INTO app_version (version_num) VALUES ('1.0')",
            "UPDATE app_version SET version_num = '1.1'",
            "CREATE TABLE app_version (version_num varchar(32) PRIMARY KEY)",
            "ALTER TABLE my_alembic_version ADD COLUMN version_num text",
        ],
    )
    def test_exclude_statements_on_a_similar_table(self, statement: str) -> None:
        statements = VersionStatements("alembic_version")

        assert not statements.is_version_change(statement)
        assert not statements.is_internal_query(statement)
