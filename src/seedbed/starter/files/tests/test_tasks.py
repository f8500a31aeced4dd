"""Tasks and their users, in a database that each test has to itself and that the migrations have made."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from pytest_postgresql import factories
from sqlalchemy import URL, create_engine
from sqlmodel import Session, select

from schema import Task, User

ALEMBIC = Path(__file__).parents[1] / "alembic.ini"

postgresql = factories.postgresql("seedbed_proc")


@pytest.fixture
def session(postgresql: psycopg.Connection) -> Iterator[Session]:
    at = postgresql.info
    url = URL.create("postgresql+psycopg", at.user, at.password, at.host, at.port, at.dbname)
    engine = create_engine(url)
    with engine.connect() as connection:
        config = Config(ALEMBIC, attributes={"connection": connection})
        command.upgrade(config, "head")
        with Session(connection) as session:
            yield session
    engine.dispose()


class TestTask:
    def test_goes_with_its_user(self, session: Session) -> None:
        user = User(email="ada@example.com")
        session.add(user)
        session.flush()
        assert user.id is not None
        session.add(Task(title="Write to Charles", user_id=user.id))
        session.commit()

        session.delete(user)
        session.commit()

        assert session.exec(select(Task)).all() == []
