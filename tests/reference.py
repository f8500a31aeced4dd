"""The parts of the manual that are written from the code: every command, and every setting.

`python -m tests.reference` writes them; a test says when they are not what the code says.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from seedbed.cli import root
from seedbed.settings import Settings

REFERENCE = Path(__file__).parents[1] / "docs" / "reference"


_COMPLETION = (
    "`--json` prints [the same facts](json.md) for a program.",
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


def commands() -> str:
    """The page of commands, from what `--help` says of each."""
    lines = ["# Commands", "", "Written from the code by `scripts/docs`. `--help` after any command says the same.", ""]
    lines += [*_paragraphs(root), *_options(root), "", *_COMPLETION, ""]
    for name, command in _walked("seedbed", root):
        lines += [f"## {name}", "", *_paragraphs(command), *_options(command), ""]
    return "\n".join(lines).rstrip() + "\n"


def settings() -> str:
    """The page of settings, from the fields that read them."""
    lines = [
        "# Settings",
        "",
        "Written from the code by `scripts/docs`. They are read from `.env`, `.env.<environment>`,",
        "`.env.<environment>.local` and the process, later ones winning; `seedbed config` shows each with its origin.",
        "",
        "| setting | default | |",
        "|---|---|---|",
        "| `SEEDBED_ENV` | development | The environment, unless -e chooses one. |",
    ]
    for variable, field in Settings.variables().items():
        found = Settings.model_fields[field]
        default = "" if found.default is None else f"`{found.default}`"
        lines.append(f"| `{variable}` | {default} | {found.description} |")
    return "\n".join(lines) + "\n"


PAGES = {"commands.md": commands, "settings.md": settings}


def _walked(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        for child in sorted(command.commands):
            found = command.commands[child]
            if not found.hidden:
                yield f"{name} {child}", found
                yield from _walked(f"{name} {child}", found)


def _paragraphs(command: click.Command) -> list[str]:
    text = (command.help or "").replace("\b\n", "")
    return [line for part in text.split("\n\n") for line in (" ".join(part.split()), "")]


def _options(command: click.Command) -> list[str]:
    context = click.Context(command)
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    options = [one for one in command.params if isinstance(one, click.Option)]
    records = [record for one in options if (record := one.get_help_record(context)) is not None]
    lines = [f"Arguments: {' '.join(f'`{one.make_metavar(context)}`' for one in arguments)}", ""] if arguments else []
    if records:
        shown = [(name, " ".join(said.split()).replace("|", "\\|")) for name, said in records]
        lines += ["| option | |", "|---|---|", *(f"| `{name}` | {said} |" for name, said in shown)]
    return lines


def main() -> None:
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")
        sys.stdout.write(f"docs/reference/{name}\n")


if __name__ == "__main__":
    main()
