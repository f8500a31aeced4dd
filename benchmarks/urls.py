"""What libpq, SQLAlchemy, python-dotenv and Seedbed each make of a password that a person pasted as it stands."""

import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import psycopg2
from dotenv import dotenv_values
from psycopg2.extensions import parse_dsn
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from benchmarks.harness import table
from seedbed.errors import InvalidEnvFile
from seedbed.settings import MalformedUrl, parse_url
from seedbed.settings.sources import read_environment_file

PASSWORDS = ("pa%ss", "pa%41ss", "pa@ss", "pa#ss", "pa$ss", "pa ss", "pa:ss", "pa+ss", "pa/ss", "pa?ss")
IN_FILES = ("pa%ss", "pa@ss", "pa#ss", "pa #ss", "pa$ss", "pa${USER}ss", "pa ss", "pa'ss", 'pa"ss', r"pa\ss")

READERS: dict[str, Callable[[str], str | None]] = {
    "libpq": lambda url: parse_dsn(url).get("password"),
    "SQLAlchemy": lambda url: make_url(url).password,
    "Seedbed": lambda url: parse_url(url).password,
}
QUOTES = {"bare": "{}", "in '": "'{}'", 'in "': '"{}"'}


def read(reader: Callable[[str], str | None], written: str, meant: str) -> str:
    """`right`, the wrong password that was read without a word, or `refused`."""
    try:
        found = reader(f"postgresql://ada:{written}@db.example.com/shop")
    except (psycopg2.ProgrammingError, ArgumentError, MalformedUrl, ValueError):
        return "refused"
    return "right" if found == meant else str(found)


def by_dotenv(file: Path) -> str | None:
    return dotenv_values(file).get("SECRET")


def by_seedbed(file: Path) -> str | None:
    sourced = read_environment_file(file).get("SECRET")
    return sourced.value if sourced else None


def in_file(reader: Callable[[Path], str | None], line: str, meant: str) -> str:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / ".env"
        file.write_text(f"{line}\n", encoding="utf-8")
        try:
            found = reader(file)
        except InvalidEnvFile:
            return "refused"
    return "right" if found == meant else str(found)


def main() -> None:
    packages = ("psycopg2-binary", "SQLAlchemy", "python-dotenv")
    print(", ".join(f"{name} {version(name)}" for name in packages), end="\n\n")
    rows = [
        [
            meant,
            *(
                read(reader, written, meant)
                for written in (meant, quote(meant, safe=""))
                for reader in READERS.values()
            ),
        ]
        for meant in PASSWORDS
    ]
    table(["password", *(f"{name}, {how}" for how in ("as it stands", "encoded") for name in READERS)], rows)
    for title, reader in (("python-dotenv", by_dotenv), ("Seedbed", by_seedbed)):
        rows = [
            [meant, *(in_file(reader, f"SECRET={quotes.format(meant)}", meant) for quotes in QUOTES.values())]
            for meant in IN_FILES
        ]
        table([f"{title}, in a file", *QUOTES], rows)


if __name__ == "__main__":
    main()
