"""Find table classes in the project's files that are not imported."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from seedbed.schema import find_unregistered
from tests.support.projects import Project, little_project

pytestmark = pytest.mark.unit

HERO = """
class Hero(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
"""
INVOICE = """
from sqlmodel import Field, SQLModel


class Invoice(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
"""
DECLARATIVE = """
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "order"
    id: Mapped[int] = mapped_column(primary_key=True)
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with little_project(tmp_path, HERO) as created:
        yield created


def find(project: Project, *, without: tuple[Path, ...] = ()) -> list[str]:
    tables = find_unregistered(project.settled, project.load_schema(), excluded=without)
    return [table.sentence.replace(project.schema, "schema") for table in tables]


class TestFindUnregistered:
    def test_names_file_line_and_import_of_an_unimported_class(self, project: Project) -> None:
        project.write(f"{project.schema}/billing/invoice.py", INVOICE)

        assert find(project) == [
            "schema/billing/invoice.py:5: Invoice is a table that is not imported. "
            "Add to schema/__init__.py: from schema.billing.invoice import Invoice"
        ]

    def test_ignores_imported_classes(self, project: Project) -> None:
        project.write(f"{project.schema}/invoice.py", INVOICE.replace("SQLModel, table", "Base, table").replace(
            "Field, SQLModel", f"Field\n\nfrom {project.schema} import Table as Base"))  # fmt: skip
        file = project.root / project.schema / "__init__.py"
        file.write_text(f"{file.read_text()}\n\nfrom {project.schema}.invoice import Invoice  # noqa: F401\n")

        assert find(project) == []

    @pytest.mark.parametrize(
        "name", ["test_invoice.py", "invoice_test.py", "conftest.py", "tests/invoice.py", ".venv/invoice.py"]
    )
    def test_ignores_tests_and_environments(self, project: Project, name: str) -> None:
        project.write(f"{project.schema}/{name}", INVOICE)

        assert find(project) == []

    def test_ignores_virtual_environments_of_any_name(self, project: Project) -> None:
        project.write(f"{project.schema}/python/pyvenv.cfg", "")
        project.write(f"{project.schema}/python/lib/invoice.py", INVOICE)

        assert find(project) == []

    def test_ignores_excluded_directories(self, project: Project) -> None:
        folder = project.write(f"{project.schema}/migrations/versions/first.py", INVOICE).parents[1]

        assert find(project, without=(folder,)) == []

    @pytest.mark.parametrize(
        "text",
        [
            "class Invoice(",
            "class Invoice:\n    __tablename__ = 'invoice'",
            INVOICE.replace("table=True", "table=False"),
            INVOICE.replace("SQLModel, table=True", "SQLModel").replace("    id", "    __tablename__ = 'x'\n    id"),
            DECLARATIVE.replace("__tablename__ =", "__abstract__ = True\n    __tablename__ ="),
            "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n"
            + "".join(f"    {line}\n" for line in INVOICE.strip().splitlines()),
            "def build():\n" + "".join(f"    {line}\n" for line in INVOICE.strip().splitlines()) + "    return Invoice",
            INVOICE.replace("Invoice", "Hero"),
        ],
        ids=["no-python", "no-base", "table-false", "no-table", "abstract", "type-checking", "function", "copy"],
    )
    def test_ignores_classes_that_are_no_tables(self, project: Project, text: str) -> None:
        project.write(f"{project.schema}/other.py", text)

        assert find(project) == []

    def test_names_a_declarative_class_by_its_base(self, project: Project) -> None:
        project.write(f"{project.schema}/order.py", DECLARATIVE)

        (sentence,) = find(project)
        assert sentence.startswith("schema/order.py:9: Order is a table that is not imported.")

    def test_names_an_imported_class_of_another_metadata(self, project: Project) -> None:
        project.write(f"{project.schema}/invoice.py", INVOICE.replace("Invoice", f"I{project.schema[-8:]}"))
        file = project.root / project.schema / "__init__.py"
        file.write_text(f"{file.read_text()}\n\nfrom {project.schema} import invoice  # noqa: F401\n")

        (sentence,) = find(project)
        assert sentence.endswith("is a table that is in another metadata than the schema's. Derive it from Table.")

    def test_searches_only_beside_a_module_in_the_projects_root(self, project: Project) -> None:
        package = project.root / project.schema
        text = (package / "__init__.py").read_text()
        (package / "__init__.py").unlink()
        package.rmdir()
        project.write(f"{project.schema}.py", text)
        project.write("invoice.py", INVOICE)
        project.write("elsewhere/invoice.py", INVOICE)

        assert find(project) == [
            "invoice.py:5: Invoice is a table that is not imported. Add to schema.py: from invoice import Invoice"
        ]
