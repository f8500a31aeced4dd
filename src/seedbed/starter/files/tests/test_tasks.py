"""Tasks and their users, in a database that is migrated and seeded, and as it was for every test."""

from collections.abc import Callable

from sqlmodel import Session, select

from schema import Task, User


class TestTask:
    def test_goes_with_its_user(self, db: Session, make: Callable[..., Task]) -> None:
        owner = make(Task, title="Write to Charles").user_id

        db.delete(db.get(User, owner))
        db.commit()

        assert db.exec(select(Task).where(Task.user_id == owner)).all() == []
