"""Tests of tasks. Each test has its own migrated and seeded database."""

from collections.abc import Callable

from sqlmodel import Session, select

from schema import Task, User


def test_deleting_a_user_deletes_its_tasks(db: Session, make: Callable[..., Task]) -> None:
    user_id = make(Task, title="Write to Charles").user_id

    db.delete(db.get(User, user_id))
    db.commit()

    assert db.exec(select(Task).where(Task.user_id == user_id)).all() == []
