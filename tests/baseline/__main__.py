"""`scripts/baseline`: record what the engine makes, or compare two such records."""

import argparse
import sys
from pathlib import Path

from tests.baseline.compare import compare_records
from tests.baseline.record import record


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/baseline", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    record_ = verbs.add_parser("record", help="write the results as files in FOLDER, which is new or empty")
    record_.add_argument("folder", type=Path, metavar="FOLDER")
    record_.add_argument(
        "--only", action="append", default=[], metavar="PART", help="a part, such as commands, help or drafts/tables"
    )
    record_.add_argument("--quick", action="store_true", help="a fixed part of the drafts and of the drawn schemas")
    record_.add_argument("--jobs", type=int, default=2, help="processes at once (default: 2)")
    record_.add_argument("--modified", action="store_true", help="record though the working tree is modified")
    record_.set_defaults(
        run=lambda said: record(said.folder, only=said.only, quick=said.quick, jobs=said.jobs, modified=said.modified)
    )
    compare_ = verbs.add_parser("compare", help="print each difference, and end with 1 when there is any")
    compare_.add_argument("old", type=Path, metavar="OLD")
    compare_.add_argument("new", type=Path, metavar="NEW")
    compare_.add_argument("--keys", type=Path, metavar="TABLE", help='a TOML file of renamed keys: old = "new"')
    compare_.add_argument("--only", action="append", default=[], metavar="NAME", help="results such as drafts/tables/")
    compare_.add_argument("--ignore", action="append", default=[], metavar="NAME", help="results such as digests/")
    compare_.set_defaults(
        run=lambda said: compare_records(said.old, said.new, said.keys, only=said.only, ignored=said.ignore)
    )
    said = parser.parse_args()
    return int(said.run(said))


if __name__ == "__main__":
    sys.exit(main())
