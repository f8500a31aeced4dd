"""Generate the manual's pages about commands, settings and errors from the code.

`python -m tests.support.reference` writes them; a test fails if they differ from the code.
"""

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from seedbed.cli import root
from seedbed.errors import SeedbedError
from seedbed.settings import Settings
from tests.support.error_examples import EXAMPLES

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
SERVICE_ERRORS = "seedbed.errors.service"
"""The module of the errors that the read service answers requests with."""


_COMPLETION = (
    "`--json` prints [JSON](json.md).",
    "",
    "## Completion",
    "",
    "The tab key completes commands, options and environments with a line in `~/.bashrc`, `~/.zshrc` or",
    "`~/.config/fish/completions/seedbed.fish`:",
    "",
    "| shell | line |",
    "|---|---|",
    '| bash | `eval "$(_SEEDBED_COMPLETE=bash_source seedbed)"` |',
    '| zsh | `eval "$(_SEEDBED_COMPLETE=zsh_source seedbed)"`, after `compinit` |',
    "| fish | `_SEEDBED_COMPLETE=fish_source seedbed \\| source` |",
)


def describe_commands() -> str:
    """The page of commands, from the help of each."""
    lines = [
        "# Commands",
        "",
        "All commands and their options, as `--help` prints them. `scripts/docs` generates this page.",
        "",
    ]
    lines += [*_paragraphs(root), *_options(root), "", *_COMPLETION, ""]
    for name, command in _walk("seedbed", root):
        lines += [f"## {name}", "", *_paragraphs(command), *_options(command), ""]
    return "\n".join(lines).rstrip() + "\n"


def describe_settings() -> str:
    """The page of settings, from the fields that read them."""
    lines = [
        "# Settings",
        "",
        "All environment variables. Seedbed reads them from `.env`, `.env.ENVIRONMENT`, `.env.ENVIRONMENT.local` and",
        "the process; later ones win. `seedbed config` shows each value and its source. `scripts/docs` generates this",
        "page.",
        "",
        "| setting | default | |",
        "|---|---|---|",
        "| `SEEDBED_ENV` | development | The environment, unless -e chooses one. |",
    ]
    for variable, name in Settings.get_fields_by_variable().items():
        field = Settings.model_fields[name]
        default = "" if field.default is None else f"`{field.default}`"
        lines.append(f"| `{variable}` | {default} | {field.description} |")
    return "\n".join(lines) + "\n"


def describe_errors() -> str:
    """The page of errors: the docstring of each class, and one example of its two sentences."""
    lines = [
        "# Errors",
        "",
        "All errors, with their causes and fixes. An error has a code, a fact and a next step. `seedbed` prints it on",
        "standard error and exits with 1. With `--json` it prints an object with `code`, `message` and `remedy`. The",
        "read service responds with `application/problem+json`: `code` is the same, and `detail` has both sentences.",
        "These errors also have their HTTP status here. `scripts/docs` generates this page.",
    ]
    for example in sorted(EXAMPLES.values(), key=lambda error: error.code):
        error = type(example)
        lines += ["", f"## {error.code} {error.__name__}", "", inspect.getdoc(error) or "", ""]
        if error.__module__ == SERVICE_ERRORS:
            lines += [f"HTTP status {vars(error)['status']}.", ""]
        lines += _show(example)
    return "\n".join(lines) + "\n"


PAGES = {"commands.md": describe_commands, "settings.md": describe_settings, "errors.md": describe_errors}


def _show(error: SeedbedError) -> list[str]:
    """An error as the command line prints it, as a code block."""
    return [f"    {error.code} {error.message}", f"          {error.remedy}"]


def _walk(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for child in sorted(command.commands):
            subcommand = command.commands[child]
            if not subcommand.hidden:
                yield f"{name} {child}", subcommand
                yield from _walk(f"{name} {child}", subcommand)


def _paragraphs(command: click.Command) -> list[str]:
    text = (command.help or "").replace("\b\n", "")
    return [line for part in text.split("\n\n") for line in (" ".join(part.split()), "")]


def _options(command: click.Command) -> list[str]:
    context = click.Context(command)
    arguments = [parameter for parameter in command.params if isinstance(parameter, click.Argument)]
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    records = [record for option in options if (record := option.get_help_record(context)) is not None]
    names = " ".join(f"`{argument.make_metavar(context)}`" for argument in arguments)
    lines = [f"Arguments: {names}", ""] if arguments else []
    if records:
        rows = [(name, " ".join(text.split()).replace("|", "\\|")) for name, text in records]
        lines += ["| option | |", "|---|---|", *(f"| `{name}` | {text} |" for name, text in rows)]
    return lines


def main() -> None:
    for name, describe in PAGES.items():
        (REFERENCE / name).write_text(describe(), encoding="utf-8")
        sys.stdout.write(f"docs/reference/{name}\n")


if __name__ == "__main__":
    main()
