"""The `seedbed` command: it turns our errors into two lines and exit 1."""

import json
import sys

import click

from seedbed.cli import root
from seedbed.errors import SeedbedError


def main() -> None:
    """Run the command line. 0 is done, 1 refused or failed with a code and a remedy, 2 misuse, 130 interrupted."""
    try:
        sys.exit(root.main(prog_name="seedbed", standalone_mode=False))
    except click.ClickException as misuse:
        misuse.show()
        sys.exit(misuse.exit_code)
    except SeedbedError as error:
        if "--json" in sys.argv:
            said = {"code": error.code, "message": error.message, "remedy": error.remedy}
            click.echo(json.dumps(said), err=True)
        else:
            click.echo(
                f"{click.style(error.code, fg='red', bold=True)} {error.message}\n      {error.remedy}", err=True
            )
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)


if __name__ == "__main__":
    main()
