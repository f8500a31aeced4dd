"""The project's service on a test's database, with a client for it."""

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager

from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.testclient import TestClient

from seedbed.serving import create_app
from seedbed.serving.sessions import session as service_session
from seedbed.serving.statements import Fetch, Row, Statement
from seedbed.settings import load
from seedbed.testing.asynchronous import on_connection
from seedbed.testing.cases import Case


@contextmanager
def client(case: Case, session: Session) -> Iterator[TestClient]:
    """A client of the service: in the test's transaction, where it has one, and otherwise with the service's own pool.

    In a transaction, a request first flushes the test's session, so it finds what was added to it.
    """
    configuration = load(case.run.project, "testing", environ=os.environ)
    schema = case.run.templates.schema
    if case.in_turn is None:
        url = case.owned.clone(case.wish.seed).url
        app = create_app(configuration, schema, url)
    else:
        url = case.in_turn.clone.url
        app = create_app(configuration, schema, url, fetch=_bound(session))

        async def bound_session() -> AsyncIterator[AsyncSession]:
            session.flush()
            async with on_connection(session.connection()) as made:
                yield made

        app.dependency_overrides[service_session] = bound_session
    with TestClient(app) as made:
        case.run.watch.clear()
        yield made


def _bound(session: Session) -> Fetch:
    async def fetch(statement: Statement, parameters: Sequence[bytes | None] = ()) -> list[Row]:
        session.flush()
        given = tuple(None if value is None else value.decode() for value in parameters)
        with session.connection().begin_nested():
            rows = session.connection().exec_driver_sql(statement.formatted, given).all()
        return [tuple(None if value is None else str(value).encode() for value in row) for row in rows]

    return fetch
