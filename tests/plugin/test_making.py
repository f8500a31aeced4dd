"""The `make` and `seeded` fixtures, and the ready-made checks."""

from tests.plugin.conftest import Shop

MODELS = """
from enum import Enum

from sqlalchemy import CheckConstraint, MetaData, UniqueConstraint
from sqlmodel import Field, Relationship, SQLModel


class Table(SQLModel):
    metadata = MetaData()


metadata = Table.metadata


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Tenant(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True, max_length=12)
    city: str
    owners: list["Owner"] = Relationship(back_populates="tenant")


class Owner(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    tenant_id: int = Field(foreign_key="tenant.id")
    email: str = Field(unique=True)
    tenant: Tenant = Relationship(back_populates="owners")


class Thing(Table, table=True):
    __table_args__ = (CheckConstraint("low < high"), UniqueConstraint("owner_id", "code"))
    code: str = Field(primary_key=True, max_length=8)
    owner_id: int = Field(foreign_key="owner.id")
    part_of: str | None = Field(default=None, foreign_key="thing.code")
    size: Size
    low: int
    high: int
    note: str | None = None
    owner: Owner = Relationship()


class Profile(Table, table=True):
    owner_id: int = Field(primary_key=True, foreign_key="owner.id")


class Author(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    posts: list["Post"] = Relationship(back_populates="author", sa_relationship_kwargs={"lazy": "write_only"})
    notes: list["Note"] = Relationship(back_populates="author", sa_relationship_kwargs={"lazy": "dynamic"})


class Post(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True)
    author_id: int = Field(foreign_key="author.id")
    author: Author = Relationship(back_populates="posts")


class Note(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    author_id: int = Field(foreign_key="author.id")
    author: Author = Relationship(back_populates="notes")


class Egg(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    hen_id: int = Field(foreign_key="hen.id")


class Hen(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    egg_id: int = Field(foreign_key="egg.id")
"""
ROWS = """
import warnings
from itertools import count

import pytest
from sqlmodel import select

from schema import Author, Hen, Note, Owner, Post, Profile, Size, Tenant, Thing

pytestmark = pytest.mark.filterwarnings("error")


def test_make_gives_a_row_what_it_cannot_be_without(db, make):
    thing = make(Thing)
    db.commit()
    assert thing.owner.tenant.name
    assert thing.low < thing.high
    assert thing.size in Size
    assert (thing.note, thing.part_of) == (None, None)
    assert make(Profile).owner_id != thing.owner_id


def test_a_row_has_what_is_given_be_it_unique(db, make, seeded):
    tenant = make(Tenant, name="acme")
    owner = make(Owner, tenant=tenant)
    thing = make(Thing, owner_id=owner.id, low=5, size=Size.LARGE)
    assert (owner.tenant_id, thing.owner.tenant.name, thing.size) == (tenant.id, "acme", Size.LARGE)
    assert thing.high > 5
    assert tenant.city
    assert tenant.owners == [owner]
    assert len(db.exec(select(Tenant)).all()) == 1
    assert [row.name for row in seeded(Tenant, 1, name="umbrella")] == ["umbrella"]


def test_make_is_unique_many_times(make):
    assert len({make(Owner).email for _ in range(40)}) == 40


def test_make_gives_a_row_to_a_relationship_that_is_only_written_to(db, make):
    ada = make(Author)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        posts = [make(Post, author=ada), make(Post, author=ada)]
        make.__self__._run.rows = count()  # the next slugs are taken
        posts.append(make(Post, author=ada))
        note = make(Note, author=ada)
        assert db.scalars(ada.posts.select().order_by(Post.id)).all() == posts
        assert note.author is ada


def test_seeded_fills_every_column_and_refers_to_what_is_there(db, make, seeded):
    owners = {make(Owner).id for _ in range(3)}
    things = seeded(Thing, 200, size=Size.SMALL)
    assert {thing.owner_id for thing in things} == owners
    assert all(thing.low < thing.high and thing.size is Size.SMALL for thing in things)
    assert any(thing.note for thing in things)
    assert len(seeded(Profile, 5)) == 5
    assert seeded(Tenant, 0) == []
"""


class TestRows:
    def test_are_valid_and_created_with_their_parents(self, project: Shop) -> None:
        for file in (project.root / "migrations/versions").glob("*.py"):
            file.unlink()
        (project.root / "migrations/head").unlink(missing_ok=True)
        for folder in ("schema", "seeds"):
            for file in (project.root / folder).glob("*"):
                if file.is_file():
                    file.unlink()
        (project.root / "schema/__init__.py").write_text(MODELS)
        (project.root / "tests/test_rows.py").write_text(
            ROWS
            + """

def test_make_does_not_try_again_what_was_given(db, make, assert_queries):
    make(Tenant, name="acme")
    with assert_queries(1), pytest.raises(Exception, match=r'"tenant_name_key"; Key \\(name\\)=.* already exists'):
        make(Tenant, name="acme")


def test_make_knows_what_a_model_has(make):
    with pytest.raises(Exception, match="Cannot create Tenant: it has no 'nmae'"):
        make(Tenant, nmae="acme")


def test_make_says_what_it_cannot_make(make):
    make(Hen)
"""
        )

        said = project.run(failed=1, passed=7)

        assert "RowCreationFailure: Cannot create Hen: it requires a row that requires it." in said


CHECKS = "from seedbed.testing.checks import *\n"


class TestChecks:
    def test_pass_for_a_valid_project(self, project: Shop) -> None:
        project.write("tests/test_project.py", CHECKS)

        project.run(passed=4, skipped=1)

    def test_without_revisions_check_only_the_seeds(self, project: Shop) -> None:
        (project.root / "alembic.ini").unlink()
        project.write("tests/test_project.py", CHECKS)

        project.run(passed=1, skipped=4)

    def test_report_errors(self, project: Shop) -> None:
        project.write(
            "tests/test_project.py",
            CHECKS
            + """
@pytest.fixture
def old_queries():
    return ['SELECT id FROM "user" WHERE email LIKE $1', "UPDATE task SET gone = $1"]
""",
        )
        task = project.root / "schema/task.py"
        task.write_text(task.read_text().replace("max_length=200", "max_length=300"))
        seeds = project.root / "seeds/testing.py"
        seeds.write_text(seeds.read_text().replace("per(User, 1, 3)", "per(Task, 1, 3)"))

        said = project.run(failed=3, passed=2)

        assert "SB208 The models and the migrations differ: column task.title: " in said
        assert "UPDATE task SET gone = $1" in said
        assert 'column "gone" of relation "task" does not exist' in said
        assert "seeds/testing.py: SB4" in said
