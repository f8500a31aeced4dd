"""Loading a project's routes.py."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from seedbed.errors import InvalidRoutesModule, SchemaImportFailure
from seedbed.service.http.app import load_custom_router
from seedbed.settings import Project

pytestmark = pytest.mark.unit


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    path, before = list(sys.path), sys.modules.pop("routes", None)
    yield
    sys.path[:] = path
    sys.modules.pop("routes", None)
    if before is not None:
        sys.modules["routes"] = before


class TestOwnRouter:
    def test_is_none_where_there_is_no_module(self, tmp_path: Path) -> None:
        assert load_custom_router(Project(root=tmp_path, name="shop")) is None

    def test_is_the_modules(self, tmp_path: Path) -> None:
        (tmp_path / "routes.py").write_text("from fastapi import APIRouter\nrouter = APIRouter(prefix='/mine')\n")

        router = load_custom_router(Project(root=tmp_path, name="shop"))

        assert router is not None
        assert router.prefix == "/mine"

    def test_is_missed_in_a_module_without_one(self, tmp_path: Path) -> None:
        (tmp_path / "routes.py").write_text("app = 1\n")

        with pytest.raises(InvalidRoutesModule):
            load_custom_router(Project(root=tmp_path, name="shop"))

    def test_is_not_had_from_a_module_that_raises(self, tmp_path: Path) -> None:
        (tmp_path / "routes.py").write_text("1 / 0\n")

        with pytest.raises(SchemaImportFailure, match="routes"):
            load_custom_router(Project(root=tmp_path, name="shop"))
