"""Record the help of every command and group, and their options and arguments."""

from collections.abc import Iterator
from pathlib import Path

import click

from seedbed.cli import root
from tests.support.baseline.results import Folder, slug

WIDTH = 100


def record_help(folder: Path) -> None:
    results = Folder(folder)
    parameters = {}
    for path, command, context in _walk("seedbed", root, None):
        results.write(f"help/{slug(path)}.txt", command.get_help(context))
        parameters[path] = sorted(_names(command))
    results.write_json("parameters/commands.json", parameters)


def _walk(
    path: str, command: click.Command, parent: click.Context | None
) -> Iterator[tuple[str, click.Command, click.Context]]:
    context = click.Context(
        command, parent=parent, info_name=path.rpartition(" ")[2], terminal_width=WIDTH, max_content_width=WIDTH
    )
    yield path, command, context
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from _walk(f"{path} {name}", command.commands[name], context)


def _names(command: click.Command) -> Iterator[str]:
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            yield from (*parameter.opts, *parameter.secondary_opts)
        else:
            yield parameter.human_readable_name.strip("[].")
