"""Record what Seedbed produces, or compare two such records."""

import argparse
import sys
from pathlib import Path

from tests.support.baseline.comparison import compare_records
from tests.support.baseline.record import record


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/baseline", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    recording = verbs.add_parser("record", help="write the results to FOLDER, which must be new or empty")
    recording.add_argument("folder", type=Path, metavar="FOLDER")
    recording.add_argument(
        "--only", action="append", default=[], metavar="PART", help="a part, such as commands, help or drafts/tables"
    )
    recording.add_argument("--quick", action="store_true", help="fewer drafts and fewer random schemas")
    recording.add_argument("--jobs", type=int, default=2, help="number of processes (default: 2)")
    recording.add_argument("--modified", action="store_true", help="allow a modified working tree")
    comparing = verbs.add_parser("compare", help="print each difference, and exit with 1 if there is one")
    comparing.add_argument("old", type=Path, metavar="OLD")
    comparing.add_argument("new", type=Path, metavar="NEW")
    comparing.add_argument("--keys", type=Path, metavar="TABLE", help='a TOML file of renamed keys: old = "new"')
    comparing.add_argument("--only", action="append", default=[], metavar="NAME", help="results to compare: json/ ...")
    comparing.add_argument("--ignore", action="append", default=[], metavar="NAME", help="results to leave out")
    given = parser.parse_args()
    if given.verb == "record":
        return record(given.folder, only=given.only, quick=given.quick, jobs=given.jobs, modified=given.modified)
    return compare_records(given.old, given.new, given.keys, only=given.only, ignored=given.ignore)


if __name__ == "__main__":
    sys.exit(main())
