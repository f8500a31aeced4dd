"""The `seedbed` command: it turns our errors into two lines and exit 1."""

import errno
import json
import sys

import click

from seedbed.cli import root
from seedbed.errors import FileNotWritten, SeedbedError


def main() -> None:
    """Run the command line. 0 is done, 1 refused or failed with a code and a remedy, 2 misuse, 130 interrupted."""
    try:
        sys.exit(root.main(prog_name="seedbed", standalone_mode=False))
    except click.UsageError as misuse:
        if "--json" in sys.argv:
            help_of = misuse.ctx.command_path if misuse.ctx is not None else "seedbed"
            _print_json("usage", misuse.format_message(), f"{help_of} --help")
        else:
            misuse.show()
        sys.exit(misuse.exit_code)
    except SeedbedError as error:
        _print(error)
        sys.exit(1)
    except OSError as error:
        if error.errno not in _NOT_WRITTEN:
            raise
        _print(FileNotWritten(str(error.filename or "the output"), error.strerror or str(error)))
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)


_NOT_WRITTEN = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG})
"""What the system says where no file can be written, standard output included."""


def _print(error: SeedbedError) -> None:
    if "--json" in sys.argv:
        asked = {"question": error.question, "answers": error.answers} if error.question is not None else {}
        _print_json(error.code, error.message, error.remedy, **asked)
    else:
        click.echo(f"{click.style(error.code, fg='red', bold=True)} {error.message}\n      {error.remedy}", err=True)


def _print_json(code: str, message: str, remedy: str, **more: object) -> None:
    click.echo(json.dumps({"code": code, "message": message, "remedy": remedy, **more}), err=True)


if __name__ == "__main__":
    main()
