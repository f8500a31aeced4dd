"""Passwords that a URL must be written with care for, the places one can be in, and a search for what shows of one."""

import contextlib
import io
import json
import logging
import os
import shutil
import sys
import traceback
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch
from urllib.parse import quote, quote_plus

from seedbed.__main__ import main
from seedbed.settings import DatabaseUrl

ROOT = Path(__file__).parents[2]
SIGNS = ["%", "@", "#", "$", " "]
EVERY_SIGN = "Zq7%wKx@3nB#v9J$tP hY4m"
PASSWORDS = [EVERY_SIGN, *(f"Zq7wK{sign}x3nBv9J{sign}tPhY4m" for sign in SIGNS)]
CLOSED = "127.0.0.1:1/shop"
"""Nothing listens on port 1."""

_RUN = 6

PLACES = {
    "userinfo": "postgresql://app:{}@{}",
    "password=": "postgresql://app@{1}?password={0}",
    "password= between": "postgresql://app@{1}?application_name=x&password={0}&connect_timeout=5",
    "sslpassword=": "postgresql://app:other@{1}?sslpassword={0}",
}
MISSPELT = {
    "pasword=": "postgresql://app@{1}?pasword={0}",
    "PASSWORD=": "postgresql://app@{1}?PASSWORD={0}",
    "passwd=": "postgresql://app@{1}?sslmode=prefer&passwd={0}",
    "as a name": "postgresql://app:other@{1}?{0}=x",
    "after an &": "postgresql://app@{1}?password=x&{0}=x",
    "sslpasword=": "postgresql://app:other@{1}?sslpasword={0}",
}
MALFORMED = {
    "one slash": "postgresql:/app:{}@{}",
    "no scheme": "app:{}@{}",
    "keywords": "host=127.0.0.1 password={} dbname=shop",
    "two ports": "postgresql://app:{}@127.0.0.1:5432:5433/shop",
    "a word as port": "postgresql://app:{}@127.0.0.1:port/shop",
    "a port too great": "postgresql://app:{}@127.0.0.1:65536/shop",
    "an open bracket": "postgresql://app:{}@[::1/shop",
    "another slash": "postgresql://app:{}/x@{}",
    "a question": "postgresql://app:{}?x@{}",
    "a bare parameter": "postgresql://app:x@{1}?{0}",
    "a bad sslmode": "postgresql://app:x@{1}?sslmode={0}",
    "in quotes": "'postgresql://app:{}@{}'",
}
COMMANDS = [
    ["config"],
    ["config", "--json"],
    ["db", "status"],
    ["db", "status", "--json"],
    ["db", "url"],
    ["db", "url", "--pooled"],
    ["db", "start"],
    ["db", "mark", "--json"],
    ["migrate", "status", "--json"],
    ["migrate", "plan"],
    ["migrate", "apply"],
    ["migrate", "apply", "--json"],
    ["seed", "plan"],
    ["seed", "run"],
    ["seed", "run", "--json"],
    ["up", "--once"],
    ["up", "--once", "--json"],
]


def forms(password: str) -> list[str]:
    """As it belongs into a URL, and as someone pastes it."""
    return [quote(password, safe=""), password]


def shown(text: str, password: str) -> set[str]:
    """Every run of six characters of a password that a text has, in any form that the password may take on its way."""
    ways = {password, quote(password, safe=""), quote(password), quote_plus(password), json.dumps(password)[1:-1]}
    runs = {way[i : i + _RUN] for way in ways for i in range(len(way) - _RUN + 1)}
    return {run for run in runs if run in text}


@dataclass(frozen=True)
class Told:
    """All that a command said: both outputs, every log down to debug, and its errors with whatever they came from."""

    code: object
    text: str


def tell(root: Path, arguments: list[str], variables: Mapping[str, str]) -> Told:
    """Run a command in this process."""
    said = io.StringIO()
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    with (
        patch.dict(os.environ, {**kept, **variables}, clear=True),
        patch.object(sys, "argv", ["seedbed", "--project", str(root), *arguments]),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
        every_log(said),
    ):
        try:
            main()
        except SystemExit as ended:
            said.writelines(_everything(ended.__context__, set()))
            return Told(ended.code or 0, said.getvalue())
    raise AssertionError("main() ends by SystemExit")


class _WithFacts(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return f"{super().format(record)} {getattr(record, 'facts', '')}"


@contextlib.contextmanager
def every_log(stream: io.StringIO) -> Iterator[None]:
    root, handler = logging.getLogger(), logging.StreamHandler(stream)
    handler.setFormatter(_WithFacts())
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)


def _everything(error: BaseException | None, seen: set[int]) -> Iterator[str]:
    """An error and all that stands behind it, suppressed or not, as a traceback and as its own fields."""
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield from traceback.format_exception(error)
    yield f"{error!r} {error.args!r} {vars(error)!r}\n"
    yield from _everything(error.__cause__, seen)
    yield from _everything(error.__context__, seen)


def whole(error: BaseException) -> str:
    return "".join(_everything(error, set()))


def place_of(url: DatabaseUrl) -> str:
    return f"{url.host}:{url.port}/{url.database}"


def write_project(root: Path, module: str) -> Path:
    """A small project whose tables have a module of their own, so that it can be loaded beside others."""
    (root / "pyproject.toml").write_text(f'[project]\nname = "shop"\n[tool.seedbed]\nschema = "{module}"\n')
    (root / f"{module}.py").write_text(
        "from sqlalchemy import MetaData\n"
        "from sqlmodel import Field, SQLModel\n"
        "metadata = MetaData()\n"
        f"class {module.title()}(SQLModel, table=True):\n"
        "    metadata = metadata\n"
        "    id: int | None = Field(default=None, primary_key=True)\n"
    )
    shutil.copytree(ROOT / "migrations", root / "migrations", ignore=shutil.ignore_patterns("20*", "__pycache__"))
    (root / "migrations" / "versions").mkdir(exist_ok=True)
    shutil.copy2(ROOT / "alembic.ini", root)
    (root / "seeds").mkdir()
    (root / "seeds" / "development.py").write_text(
        f"from {module} import {module.title()}\ndef plan(seeds):\n    seeds.add({module.title()}, 3)\n"
    )
    return root
