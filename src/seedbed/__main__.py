"""The `seedbed` command: signals are handled before anything else is imported."""

import json
import sys

from seedbed.interrupts import Interrupted, raised_interrupts


def main() -> None:
    """Run the command line. 0 is done, 1 refused or failed with a code and a remedy, 2 misuse, 128 + N ended by signal
    N: 130 by Ctrl-C, 143 by SIGTERM.
    """
    try:
        with raised_interrupts():
            from seedbed.cli.exit_status import run  # noqa: PLC0415 - Ctrl-C may come while the command line is imported

            exit_code = run()
    except Interrupted as interrupted:
        shown = {"code": "interrupted", "message": interrupted.line, "remedy": "Run the command again."}
        print(json.dumps(shown) if "--json" in sys.argv else interrupted.line, file=sys.stderr)  # noqa: T201
        exit_code = interrupted.exit_code
    except KeyboardInterrupt:
        exit_code = 130
    sys.exit(exit_code)


if __name__ == "__main__":
    main()
