"""What the commands share: which environment, how to print, and how to ask before destroying."""

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from seedbed.errors import MissingConfirmation

if TYPE_CHECKING:
    from seedbed.settings import Configuration

HELP_WIDTH = 100
PRODUCTION = "production"
F = TypeVar("F", bound=Callable[..., Any])


def env_option(command: F) -> F:
    """`--env`, which wins over SEEDBED_ENV."""
    return click.option(
        "-e",
        "--env",
        metavar="NAME",
        help="development, testing, preview or production; SEEDBED_ENV chooses otherwise.",
        shell_complete=_environments,
    )(command)


def _environments(_ctx: click.Context, _option: click.Parameter, begun: str) -> list[str]:
    from seedbed.settings import Environment

    return [name for name in Environment if name.startswith(begun)]


def json_option(command: F) -> F:
    """`--json`, the same facts for a program."""
    return click.option("--json", "as_json", is_flag=True, help="Print the same facts as JSON.")(command)


def yes_option(command: F) -> F:
    """`--yes NAME`, which confirms a destructive command by the database's name."""
    return click.option("--yes", metavar="NAME", help="Confirm with the database's name instead of typing it.")(command)


def exception_options(command: F) -> F:
    """`--keep` and `--empty`, for what masking finds in a database and not in the models."""
    keep = click.option(
        "--keep",
        metavar="NAME",
        multiple=True,
        help="Leave a table or column that the models do not describe as it is.",
    )
    empty = click.option(
        "--empty", metavar="NAME", multiple=True, help="Delete a table's rows, or set a column to NULL or its default."
    )
    return keep(empty(command))


def configuration(ctx: click.Context, env: str | None) -> "Configuration":
    """The settings of the chosen environment of the project the command was run in."""
    from seedbed.settings import find_project, load

    folder: Path = ctx.find_root().obj
    chosen = load(find_project(folder), env)
    for doubt in chosen.doubts():
        click.echo(f"Warning: {doubt}", err=True)
    return chosen


def show(result: Any, *, as_json: bool, lines: Iterable[str]) -> None:
    """Print a result: `lines` for a person, the dataclass itself for a program."""
    if as_json:
        click.echo(json.dumps(result, default=_plain, ensure_ascii=False))
        return
    for line in lines:
        click.echo(line)


def columns(rows: Sequence[Sequence[str]], *, indent: str = "") -> list[str]:
    """Rows as aligned columns; the last is as long as it likes."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)] if rows else []
    return [
        indent + "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]).rstrip() for row in rows
    ]


def confirm(name: str, given: str | None, *, action: str) -> None:
    """See that the user means this database: by its name typed on a terminal, or given by --yes.

    Raises:
        MissingConfirmation: another name, or no name and nobody to ask.
    """
    if given is None and sys.stdin.isatty():
        given = ask(f"{name} will be {action}. Type its name to go on", default="")
    if given != name:
        raise MissingConfirmation(name, action)


def ask(question: str, *, default: str | None = None) -> str | None:
    """What a person answers on the terminal; None where the input ends. Without a default, Enter alone asks again."""
    try:
        answer: str = click.prompt(question, default=default, show_default=False, err=True)
    except click.Abort as abort:
        if isinstance(abort.__context__, KeyboardInterrupt):
            raise
        click.echo(err=True)
        return None
    return answer


def is_plain() -> bool:
    """Whether no escape sequence may be sent: NO_COLOR is set (https://no-color.org), or the terminal knows none."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def is_animated() -> bool:
    """Whether standard error is a terminal on which a line can be drawn again."""
    return sys.stderr.isatty() and not is_plain()


@contextmanager
def step(doing: str) -> Iterator[Callable[[str], None]]:
    """Show a step on standard error: a spinner on a terminal, and in either case one line when it is done."""
    said: list[str] = []
    if is_animated():
        from rich.console import Console

        with Console(stderr=True).status(doing):
            yield said.append
    else:
        yield said.append
    for line in said:
        click.echo(line, err=True)


def _plain(value: Any) -> Any:
    from seedbed.settings import DatabaseUrl

    if isinstance(value, DatabaseUrl):
        return value.masked
    if isinstance(value, datetime | date):
        return value.isoformat()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return str(value)
