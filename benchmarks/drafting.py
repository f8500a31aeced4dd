"""A draft with its proof, against Alembic's command that proves nothing, on a small and a wide schema."""

import argparse
import shutil
import subprocess
from pathlib import Path

from benchmarks.harness import Contender, machine, race, report
from benchmarks.places import ALEMBIC, SEEDBED, places, run
from seedbed.postgres.embedded import find_binaries

AUTOGENERATE, BARE = "alembic revision, Seedbed's comparison", "alembic revision, its own comparison"
DRAFT = "seedbed migrate draft"
OWN_COMPARISON = """
from alembic import context
from sqlalchemy import create_engine

from schema import metadata

url = context.get_x_argument(as_dictionary=True)["url"]
with create_engine(url).connect() as connection:
    context.configure(connection=connection, target_metadata=metadata, include_schemas=True,
                      include_name=lambda name, kind, _: kind != "schema" or name in (None, "public"))
    with context.begin_transaction():
        context.run_migrations()
"""
WIDE_TABLE = """
class Table{number}(Table, table=True):
    __tablename__ = "table_{number:03}"
    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity()])
    name: str = Field(max_length=80, index=True)
    code: str = Field(max_length=20, unique=True)
    amount: Decimal = Field(max_digits=12, decimal_places=2)
    rank: int = Field(default=0, sa_column_kwargs={{"server_default": "0"}})
    is_open: bool = Field(default=True, sa_column_kwargs={{"server_default": true()}})
    day: date | None = None
    note: str | None = Field(default=None, sa_type=Text)
    parent_id: int | None = Field(default=None, sa_type=BigInteger, foreign_key="table_{parent:03}.id", index=True)
    created_at: datetime | None = Field(default=None, nullable=False, sa_column_kwargs={{"server_default": func.now()}})
"""
WIDE_HEAD = """
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, Identity, Text, func, true
from sqlmodel import Field

from schema.base import Table

"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--tables", type=int, default=200, help="of the wide schema, ten columns each")
    options = parser.parse_args()
    print(f"{machine()}\nPostgreSQL {find_binaries().version}, {find_binaries().source}\n")
    with places() as made:
        compare("a column added, 2 tables", made.project(), options.rounds)
        root = made.project()
        widen(root, options.tables)
        compare(f"a column added, {options.tables + 2} tables", root, max(3, options.rounds // 3))


def compare(title: str, root: Path, rounds: int) -> None:
    run(root, SEEDBED, "db", "start")
    run(root, SEEDBED, "migrate", "apply")
    user, plain = root / "schema" / "user.py", (root / "schema" / "user.py").read_text(encoding="utf-8")
    wider = plain.replace(
        "    created_at:", "    nickname: str | None = Field(default=None, max_length=40)\n    created_at:", 1
    )
    url = subprocess.run(
        [SEEDBED, "db", "url", "--show-password"], cwd=root, check=True, capture_output=True, text=True
    )

    def contender(*command: str | Path, env: str | None = None) -> Contender:
        kept = root / "kept"

        def prepare() -> None:
            shutil.copytree(root / "migrations", kept)
            user.write_text(wider, encoding="utf-8")
            if env is not None:
                (root / "migrations" / "env.py").write_text(env, encoding="utf-8")

        def clean() -> None:
            shutil.rmtree(root / "migrations")
            kept.rename(root / "migrations")
            user.write_text(plain, encoding="utf-8")

        return Contender(lambda: run(root, *command), prepare, clean)

    direct = url.stdout.strip().replace("postgresql://", "postgresql+psycopg2://")
    contenders = {
        BARE: contender(ALEMBIC, "-x", f"url={direct}", "revision", "--autogenerate", "-m", "x", env=OWN_COMPARISON),
        AUTOGENERATE: contender(ALEMBIC, "revision", "--autogenerate", "-m", "x"),
        DRAFT: contender(SEEDBED, "migrate", "draft", "-m", "x"),
    }
    race(contenders, rounds=1)  # Python keeps what it compiles
    report(title, race(contenders, rounds=rounds), against=BARE)


def widen(root: Path, tables: int) -> None:
    """Add tables of ten columns, each referring to another, and a revision that makes them."""
    text = WIDE_HEAD + "\n".join(WIDE_TABLE.format(number=i, parent=max(0, i - 7)) for i in range(tables))
    (root / "schema" / "wide.py").write_text(text, encoding="utf-8")
    with (root / "schema" / "__init__.py").open("a", encoding="utf-8") as file:
        file.write("\nfrom schema import wide  # noqa: E402\n")
    run(root, SEEDBED, "migrate", "draft", "-m", "wide")


if __name__ == "__main__":
    main()
