"""Options, output and confirmation that the commands share."""

import dataclasses
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

import click

from seedbed.errors import MissingConfirmation

if TYPE_CHECKING:
    from seedbed.settings import Configuration

HELP_WIDTH = 100
PRODUCTION = "production"
F = TypeVar("F", bound=Callable[..., Any])


_DURATION_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class Duration(click.ParamType["timedelta | str"]):
    """A number and a unit, or `never`."""

    name = "duration"

    def convert(
        self, value: "str | timedelta", param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta | str:
        """Convert to a timedelta. `never` stays a word, because None means to click that the option was not given."""
        if isinstance(value, timedelta) or value == NEVER:
            return value
        matched = re.fullmatch(r"(\d+)([mhdw])", value)
        if matched is None or not int(matched[1]):
            self.fail(f"{value!r} is not of the form 12h, 7d or 2w", param, ctx)
        return int(matched[1]) * _DURATION_UNITS[matched[2]]


NEVER = "never"
DURATION = Duration()


def parse_lifetime(value: timedelta | str | None) -> timedelta | None:
    """Return the duration; None for `never`."""
    return value if isinstance(value, timedelta) else None


class CommandGroup(click.Group):
    """A group that answers the name of a command of another tool with its own command for it."""

    def __init__(self, *args: Any, other_names: Mapping[str, str] = MappingProxyType({}), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._other_names = other_names

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name in self._other_names and self.get_command(ctx, name) is None:
            ctx.fail(f"No such command {name!r}. Use: seedbed {self._other_names[name]}")
        return super().resolve_command(ctx, args)


def env_option(command: F) -> F:
    """Add `--env`, which takes precedence over SEEDBED_ENV."""
    return click.option(
        "-e",
        "--env",
        metavar="NAME",
        help="Environment: development, testing, preview or production. [env: SEEDBED_ENV] [default: development]",
        shell_complete=_environments,
    )(command)


def _environments(_ctx: click.Context, _option: click.Parameter, prefix: str) -> list[str]:
    from seedbed.settings import Environment

    return [name for name in Environment if name.startswith(prefix)]


def json_option(command: F) -> F:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Output JSON.")(command)


def yes_option(command: F) -> F:
    """Add `--yes NAME`, which confirms a destructive command with the database's name."""
    return click.option("--yes", metavar="NAME", help="Confirm with the database's name instead of typing it.")(command)


def exception_options(command: F) -> F:
    """Add `--keep` and `--empty`, for data that masking finds in a database but not in the models."""
    keep = click.option(
        "--keep",
        metavar="NAME",
        multiple=True,
        help="Keep a table or column that the models do not describe.",
    )
    empty = click.option(
        "--empty", metavar="NAME", multiple=True, help="Delete a table's rows, or set a column to NULL or its default."
    )
    return keep(empty(command))


def configuration(ctx: click.Context, env: str | None) -> "Configuration":
    """Load the settings of the chosen environment, and print warnings about them."""
    from seedbed.settings import find_project, load_configuration

    folder: Path = ctx.find_root().obj
    chosen = load_configuration(find_project(folder), env)
    for warning in chosen.find_suspicious_urls():
        click.echo(f"Warning: {warning}", err=True)
    return chosen


def show(result: Any, *, as_json: bool, lines: Iterable[str]) -> None:
    """Print a result: `lines`, or the result itself as JSON."""
    if as_json:
        click.echo(json.dumps(result, default=_plain, ensure_ascii=False))
        return
    for line in lines:
        click.echo(line)


def columns(rows: Sequence[Sequence[str]], *, indent: str = "") -> list[str]:
    """Align rows in columns. The last column is not padded."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)] if rows else []
    return [
        indent + "  ".join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]).rstrip() for row in rows
    ]


def confirm(name: str, answer: str | None, *, action: str) -> None:
    """Confirm a destructive command: the user types the database's name, or passes it with --yes.

    Raises:
        MissingConfirmation: the name differs, or is missing and there is no terminal.
    """
    if answer is None and sys.stdin.isatty():
        answer = ask(f"{name} will be {action}. Type its name to continue", default="")
    if answer != name:
        raise MissingConfirmation(name, action)


def ask(question: str, *, default: str | None = None) -> str | None:
    """Ask on the terminal. Returns None at the end of the input. Without a default, an empty answer asks again."""
    try:
        answer: str = click.prompt(question, default=default, show_default=False, err=True)
    except click.Abort as abort:
        if isinstance(abort.__context__, KeyboardInterrupt):
            raise
        click.echo(err=True)
        return None
    return answer


def is_plain() -> bool:
    """Whether output must have no escape sequences: NO_COLOR is set (https://no-color.org), or TERM is dumb."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def is_animated() -> bool:
    """Whether standard error is a terminal that can redraw a line."""
    return sys.stderr.isatty() and not is_plain()


@contextmanager
def step(title: str) -> Iterator[Callable[[str], None]]:
    """Show a step on standard error: a spinner on a terminal, and any lines that the caller adds when it is done."""
    lines: list[str] = []
    if is_animated():
        from rich.console import Console

        with Console(stderr=True).status(title):
            yield lines.append
    else:
        yield lines.append
    for line in lines:
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
