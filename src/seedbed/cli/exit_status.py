"""Exit codes of commands, and errors printed as two lines or as JSON."""

import errno
import json
import sys

import click

from seedbed.cli import root
from seedbed.cli.options import is_plain
from seedbed.errors import FileWriteFailure, SeedbedError
from seedbed.interrupts import raise_interrupt_behind


def run() -> int:
    """Run the command line and return its exit code.

    Raises:
        KeyboardInterrupt: a signal ended the command. Click wraps it in its own exception.
    """
    try:
        return int(root.main(prog_name="seedbed", standalone_mode=False, color=_color()) or 0)
    except click.UsageError as usage:
        if "--json" in sys.argv:
            command_path = usage.ctx.command_path if usage.ctx is not None else "seedbed"
            _print_json("usage", usage.format_message(), f"{command_path} --help")
        else:
            usage.show()
        return usage.exit_code
    except SeedbedError as error:
        raise_interrupt_behind(error)
        _print(error)
        return 1
    except OSError as error:
        if error.errno not in _WRITE_ERRORS:
            raise
        _print(FileWriteFailure(str(error.filename or "the output"), error.strerror or str(error)))
        return 1
    except click.Abort as abort:
        cause = abort.__cause__ or abort.__context__
        if isinstance(cause, KeyboardInterrupt):
            raise cause from None
        return 130


_WRITE_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})
"""Error numbers for a file, or standard output, that cannot be written."""


def _color() -> bool | None:
    """Return False for no colour, or None for click's default, which is colour on a terminal."""
    return False if is_plain() else None


def _print(error: SeedbedError) -> None:
    if "--json" in sys.argv:
        question = {"question": error.question, "answers": error.answers} if error.question is not None else {}
        _print_json(error.code, error.message, error.remedy, **question)
    else:
        code = click.style(error.code, fg="red", bold=True)
        click.echo(f"{code} {error.message}\n      {error.remedy}", err=True, color=_color())


def _print_json(code: str, message: str, remedy: str, **extra: object) -> None:
    click.echo(json.dumps({"code": code, "message": message, "remedy": remedy, **extra}), err=True)
