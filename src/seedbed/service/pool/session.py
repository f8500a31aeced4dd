"""A session on the service's own pool, for routes that a project writes itself."""

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Request
from sqlmodel.ext.asyncio.session import AsyncSession

from seedbed.service.pool.query_runner import Reader


async def session(request: Request) -> AsyncIterator[AsyncSession]:
    reader: Reader = request.app.state.reader
    async with reader.session() as made:
        yield made


Session = Annotated[AsyncSession, Depends(session, scope="function")]
"""A route's parameter of this type is a session in a transaction, ended before the answer is sent: a client that reads
slowly holds no connection. A database that is away, or a deadline that passes, is answered with 503, as everywhere.
"""
