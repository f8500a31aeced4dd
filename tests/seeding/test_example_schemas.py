"""Two schemas as teams have them, filled by numbers of rows alone, and judged by their models and by sense."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.schema import Schema
from seedbed.schema.creation import create_schema
from seedbed.seeding.loading.load import load_seeds
from seedbed.seeding.planning.seed_plan import plan
from seedbed.settings import Environment
from tests.support.projects import execute, little_project

SHOP = """
    seeds.add(tables.Country, 30)
    seeds.add(tables.Customer, 300)
    seeds.add(tables.Cart, 90)
    seeds.add(tables.Order, per(tables.Customer, 0, 6))
    seeds.add(tables.OrderItem, per(tables.Order, 1, 5))
    seeds.add(tables.Shipment, 200)
    seeds.rest(250)
"""
TRACKER = """
    seeds.add(tables.Tenant, 6)
    seeds.add(tables.User, 80)
    seeds.add(tables.Membership, per(tables.Tenant, 8, 20))
    seeds.add(tables.Team, per(tables.Tenant, 2, 4))
    seeds.add(tables.TeamMember, per(tables.Team, 2, 5))
    seeds.add(tables.Project, per(tables.Tenant, 2, 5))
    seeds.add(tables.ProjectMember, per(tables.Project, 2, 6))
    seeds.add(tables.Status, per(tables.Project, 3, 5))
    seeds.add(tables.Subscription, 6)
    seeds.rest(400)
"""
ABSURD = {
    "shop": (
        '"order" o JOIN customer c ON c.id = customer_id WHERE o.created_at < c.created_at',
        '"order" WHERE shipped_at < created_at',
        '"order" WHERE total <> subtotal + shipping_cost',
        "\"order\" WHERE status IN ('pending', 'paid') AND shipped_at IS NOT NULL",
        'shipment s JOIN "order" o ON o.id = order_id WHERE s.shipped_at < o.created_at',
        "shipment WHERE delivered_at < shipped_at",
        "orderitem WHERE line_total <> quantity * unit_price OR quantity > 20 OR unit_price = 0",
        "stock WHERE reserved > quantity OR quantity > 100",
        "purchaseorder WHERE expected_on < ordered_on OR expected_on > ordered_on + 100",
        "(SELECT position, row_number() OVER (PARTITION BY product_id ORDER BY position) AS n FROM productimage) p"
        " WHERE position <> n",
        "category c JOIN category p ON p.id = c.parent_id WHERE p.id >= c.id",
        "product WHERE currency NOT IN ('EUR', 'USD', 'GBP', 'CHF', 'SEK', 'JPY') OR published_at < created_at",
    ),
    "tracker": (
        "issue i JOIN project p ON p.id = project_id WHERE i.tenant_id <> p.tenant_id OR i.created_at < p.created_at",
        "issue i JOIN status s ON s.id = status_id WHERE s.project_id <> i.project_id",
        "issue i JOIN milestone m ON m.id = milestone_id WHERE m.project_id <> i.project_id",
        "(SELECT number, row_number() OVER (PARTITION BY project_id ORDER BY number) AS n FROM issue) i"
        " WHERE number <> n",
        "comment c JOIN comment r ON r.id = c.reply_to_id WHERE c.created_at < r.created_at",
        "timeentry WHERE ended_at <= started_at OR hourly_rate < 20",
        "sprint WHERE ends_on <= starts_on",
        "(SELECT count(*) AS same FROM issue WHERE assignee_id = reporter_id) s WHERE same > 200",
        "(SELECT count(assignee_id) AS n, count(*) AS total FROM issue) s"
        " WHERE n NOT BETWEEN total * 0.6 AND total * 0.95",
    ),
}
"""What no row may be."""


@pytest.mark.parametrize(("name", "seeds", "tables"), [("shop", SHOP, 25), ("tracker", TRACKER, 30)])
def test_rows_make_sense(tmp_path: Path, given: Callable[..., Database], name: str, seeds: str, tables: int) -> None:
    module, database = import_module(f"tests.seeding.example_schemas.{name}"), given()
    schema = Schema(module.metadata, {model.__table__.key: model for model in module.Table.__subclasses__()})
    with connect(database) as connection:
        create_schema(connection, schema)

    with little_project(tmp_path, "") as project:
        project.write(
            "seeds/development.py",
            f"import tests.seeding.example_schemas.{name} as tables\n"
            "from seedbed.seeding import per\n\ndef plan(seeds):\n" + seeds,
        )
        made = plan(project.settled, schema, Environment.DEVELOPMENT)
        load_seeds(made, database, revision=None)

    assert len(made.tables) == tables
    assert min(table.count for table in made.tables) > 0
    for rows in ABSURD[name]:
        assert execute(database.direct, f"SELECT count(*) FROM {rows}") == [(0,)], rows
    with connect(database) as connection, Session(connection) as session:
        for model in schema.models.values():
            for row in session.scalars(select(model).limit(100)):
                model.model_validate({field: getattr(row, field) for field in model.model_fields})
