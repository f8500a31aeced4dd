"""A step of a revision: its SQL, the equivalent Alembic operation, and what it does to existing rows."""

from dataclasses import dataclass

from seedbed.postgres.quoting import TableName


@dataclass(frozen=True)
class Loss:
    """Data that a step loses: a column's values, or without `column` a table's rows. `description` is for people."""

    schema: str
    table: str
    column: str | None
    description: str


@dataclass(frozen=True)
class Statement:
    """One step, what it loses, and the table whose rows it updates, if any: their triggers run.

    `row_condition` says what values must be for the step to succeed, as `task.title as character varying(20)`.
    """

    sql: str
    alembic_call: str | None = None
    loss: Loss | None = None
    updated_table: TableName | None = None
    row_condition: str | None = None

    @property
    def python_code(self) -> str:
        """The step as Python code in a revision."""
        return self.alembic_call if self.alembic_call is not None else render_execute(self.sql)


def render_execute(sql: str) -> str:
    """An `op.execute` call, quoted so that the SQL stays readable.

    SQLAlchemy reads `:name` in a text as a parameter, so a colon before a letter is escaped.
    """
    sql = sql.strip().removesuffix(";")
    escaped = _without_parameters(sql)
    if "\n" not in escaped and "\\" not in escaped:
        if '"' not in escaped:
            return render_call("op.execute", f'"{escaped}"')
        if "'" not in escaped:
            return render_call("op.execute", f"'{escaped}'")
    raw = "r" if "\\" in escaped else ""
    if '"""' not in escaped and not escaped.endswith(('"', "\\")):
        return f'op.execute({raw}"""{escaped}""")'
    return f"op.execute({escaped!r})"


def schema_argument(schema: str) -> str:
    """The `schema=` argument of an Alembic operation, where one is needed."""
    return "" if schema == "public" else f"schema={quote_python(schema)}"


def quote_python(text: str) -> str:
    """A Python string in double quotes where possible, as formatters write it."""
    representation = repr(text)
    if representation.startswith("'") and '"' not in text and "\\" not in representation:
        return f'"{text}"'
    return representation


def render_call(function: str, *arguments: str) -> str:
    """A call on one line if it fits, otherwise with one argument a line."""
    present = [argument for argument in arguments if argument]
    line = f"{function}({', '.join(present)})"
    if len(line) <= _WIDTH and "\n" not in line:
        return line
    comma = "," if len(present) > 1 else ""
    inner = "".join(f"    {line}\n" for argument in present for line in f"{argument}{comma}".split("\n"))
    return f"{function}(\n{inner})"


_WIDTH = 112


def _without_parameters(sql: str) -> str:
    escaped = []
    for position, character in enumerate(sql):
        following = sql[position + 1 : position + 2]
        preceding = sql[position - 1 : position]
        is_parameter = character == ":" and preceding != ":" and (following.isalnum() or following == "_")
        escaped.append("\\:" if is_parameter else character)
    return "".join(escaped)
