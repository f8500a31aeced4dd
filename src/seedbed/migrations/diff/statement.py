"""The steps of a revision: each is SQL, and where Alembic has a call that says the same, that call."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Loss:
    """What rows lose by a step: a column's values, or without `column` a table's rows; `words` say it to a person."""

    schema: str
    table: str
    column: str | None
    description: str


@dataclass(frozen=True)
class Statement:
    """One step, what is lost by it, and the table whose rows it updates, where it does: their triggers run.

    `fits` says what values must be for the step to run, as `task.title as character varying(20)`.
    """

    sql: str
    alembic_call: str | None = None
    loss: Loss | None = None
    updated_table: tuple[str, str] | None = None
    row_condition: str | None = None

    @property
    def python_code(self) -> str:
        """The step as a line, or lines, of a revision."""
        return self.alembic_call if self.alembic_call is not None else render_execute(self.sql)


def render_execute(sql: str) -> str:
    """An `op.execute` of a statement, quoted so that it reads like SQL.

    SQLAlchemy reads `:name` in a text as a parameter, so a colon that stands before a letter is escaped.
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
    """The `schema=` of an Alembic call, where one is needed."""
    return "" if schema == "public" else f", schema={quote_python(schema)}"


def quote_python(text: str) -> str:
    """A Python string in double quotes where that is possible, as formatters have it."""
    representation = repr(text)
    if representation.startswith("'") and '"' not in text and "\\" not in representation:
        return f'"{text}"'
    return representation


def render_call(function: str, *arguments: str) -> str:
    """A call on one line where it fits, else an argument a line."""
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
