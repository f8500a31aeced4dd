"""Alembic's own statements about the version table, told from those of a revision."""

import re

_QUESTIONS = ("SELECT pg_catalog", "SELECT EXISTS", "SELECT set_config")


class VersionStatements:
    """Recognizes what Alembic runs on a version table of some name."""

    def __init__(self, version_table: str) -> None:
        parts = [rf'"?{re.escape(part)}"?' for part in version_table.split(".")]
        table = r"\.".join(parts)
        self._moves = re.compile(
            rf"INSERT INTO {table} \(version_num\)|UPDATE {table} SET version_num"
            rf"|DELETE FROM {table} WHERE {table}\.version_num"
        )
        self._mentions = re.compile(
            rf'(?<!\w){parts[-1]}(?!\w).*version_num|"?version_num.*(?<!\w){parts[-1]}(?!\w)', re.DOTALL
        )

    def is_version_change(self, statement: str) -> bool:
        """Whether Alembic records that a revision is done; what follows is Seedbed's own record of it."""
        return self._moves.match(statement.lstrip()) is not None

    def is_internal_query(self, statement: str) -> bool:
        """Whether it is SQLAlchemy's or Alembic's own query, about the version table, or sets a timeout."""
        return self._mentions.search(statement) is not None or statement.lstrip().startswith(_QUESTIONS)
