"""Views and materialized views created and dropped."""

from seedbed.migrations.diff.statement import Statement
from seedbed.postgres.catalog.model import View
from seedbed.postgres.quoting import quote_qualified


def create(view: View) -> list[Statement]:
    view_type = "MATERIALIZED VIEW" if view.materialized else "VIEW"
    options = f" WITH ({', '.join(view.options)})" if view.options else ""
    definition = view.definition.strip().removesuffix(";")
    return [Statement(f"CREATE {view_type} {quote_qualified(view.schema, view.name)}{options} AS\n {definition}")]


def drop(view: View) -> list[Statement]:
    view_type = "MATERIALIZED VIEW" if view.materialized else "VIEW"
    return [Statement(f"DROP {view_type} {quote_qualified(view.schema, view.name)}")]
