"""The order of statements follows the catalog, so that every draft of a change is the same file."""

from dataclasses import replace

import pytest

from seedbed.migrations.diff.catalog_diff import CatalogDiff
from seedbed.migrations.diff.removal import drop_dependents
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import CatalogObject, Column, Constraint, ObjectKey, Table, View

pytestmark = pytest.mark.unit
LETTERS = "qwertyuiop"
POINTS = Column("points", "integer", False, None, None, None, None, None, None)
TASK = Table("public", "task", "table", False, (POINTS,), (), None, None, (), False, False, None, ())
CHECKS = [
    Constraint("public", "task", letter, "c", f"CHECK ((points > {i}))", ("points",), None, (), None)
    for i, letter in enumerate(LETTERS)
]
VIEWS = [View("public", letter, False, "SELECT points FROM task", (), ("points",), None, ()) for letter in LETTERS]


def catalog(*objects: CatalogObject) -> Catalog:
    """A catalog in which the views depend on the column `points`."""
    points: ObjectKey = ("column", "public", "task", "points")
    return Catalog({obj.key: obj for obj in objects}, {points: frozenset(view.key for view in VIEWS)}, 18)


class TestCatalogDiff:
    def test_recreates_objects_in_the_order_of_the_catalog(self) -> None:
        wide = replace(TASK, columns=(replace(POINTS, type="bigint"),))

        diff = CatalogDiff(catalog(TASK, *VIEWS), catalog(wide, *VIEWS))

        assert list(diff.objects_to_create.values()) == VIEWS


class TestDropDependents:
    def test_drops_objects_in_the_reverse_order_of_the_catalog(self) -> None:
        steps = list(drop_dependents(CatalogDiff(catalog(TASK, *CHECKS), catalog(TASK))))

        assert [step.python_code.split('"')[1] for step in steps] == list(reversed(LETTERS))
