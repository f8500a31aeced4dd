"""A route that the tables alone do not give: how far a user has come."""

from typing import Annotated

from fastapi import APIRouter, Path
from sqlmodel import SQLModel, col, func, select

from schema import Task
from seedbed.service import Session, problems

router = APIRouter(tags=["users"])


class Progress(SQLModel):
    tasks: int
    completed: int


@router.get("/users/{id}/progress", summary="Count the tasks of one user", responses=problems(422, 503))
async def progress(session: Session, id: Annotated[int, Path(ge=-(2**63), lt=2**63)]) -> Progress:  # noqa: A002 - the path's name
    completed = func.count().filter(col(Task.is_completed))
    found = await session.exec(select(func.count(), completed).where(Task.user_id == id))
    tasks, done = found.one()
    return Progress(tasks=tasks, completed=done)
