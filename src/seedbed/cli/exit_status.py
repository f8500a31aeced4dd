"""How a command ends: its exit code, and an error as two lines or as JSON."""

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
        KeyboardInterrupt: a signal ended it; click turns that into an exception of its own.
    """
    try:
        return int(root.main(prog_name="seedbed", standalone_mode=False, color=_color()) or 0)
    except click.UsageError as misuse:
        if "--json" in sys.argv:
            help_of = misuse.ctx.command_path if misuse.ctx is not None else "seedbed"
            _print_json("usage", misuse.format_message(), f"{help_of} --help")
        else:
            misuse.show()
        return misuse.exit_code
    except SeedbedError as error:
        raise_interrupt_behind(error)
        _print(error)
        return 1
    except OSError as error:
        if error.errno not in _NOT_WRITTEN:
            raise
        _print(FileWriteFailure(str(error.filename or "the output"), error.strerror or str(error)))
        return 1
    except click.Abort as abort:
        cause = abort.__cause__ or abort.__context__
        if isinstance(cause, KeyboardInterrupt):
            raise cause from None
        return 130


_NOT_WRITTEN = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})
"""What the system says where no file can be written, standard output included."""


def _color() -> bool | None:
    """Click's own answer, which is colour on a terminal, unless there is to be none."""
    return False if is_plain() else None


def _print(error: SeedbedError) -> None:
    if "--json" in sys.argv:
        asked = {"question": error.question, "answers": error.answers} if error.question is not None else {}
        _print_json(error.code, error.message, error.remedy, **asked)
    else:
        code = click.style(error.code, fg="red", bold=True)
        click.echo(f"{code} {error.message}\n      {error.remedy}", err=True, color=_color())


def _print_json(code: str, message: str, remedy: str, **more: object) -> None:
    click.echo(json.dumps({"code": code, "message": message, "remedy": remedy, **more}), err=True)
