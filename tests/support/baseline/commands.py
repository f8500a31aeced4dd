"""Record what `--json` prints in the life of a project: creation, migrations, seeds, branches, previews, mistakes."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg2

from tests.support.baseline.command_server import CommandServer, command_server
from tests.support.baseline.drafts import normalize_revision
from tests.support.baseline.normalization import Normalizer, folder_names, shape
from tests.support.baseline.results import Folder, slug
from tests.support.postgres.services import free_port
from tests.support.projects import ROOT

EXACT = ("seed plan", "schema show", "config", "up --once")
"""Commands whose numbers are the same in every run."""
COUNTED = frozenset({"wal_bytes", "pid", "port"})
"""Keys of numbers that differ in every run. If a key is renamed, add the new name here."""
TIMED = {"migrate rehearse": frozenset({"verdict", "blocked", "locks"})}
"""Keys whose values depend on how long statements and locks took."""
RANDOM = ("serve --new-token",)
"""Commands that print random values; only the types are recorded."""


@dataclass
class Session:
    """A project in a temporary folder, and the commands that are run in it; each is recorded as a result."""

    results: Folder
    server: CommandServer
    root: Path
    port: int
    normalizer: Normalizer = field(default_factory=Normalizer)
    group: str = "project"
    _number: int = 0
    _revisions: list[str] = field(default_factory=list)

    def run(self, *command: str, name: str = "", **variables: str) -> None:
        """Run a command with --json, and record its exit code, output and errors."""
        self._number += 1
        done = self._start(*command, "--json", **variables)
        self._find_revisions()
        self._find_server()
        result = {
            "command": self.normalizer.text(" ".join(command)),
            "exit": done.returncode,
            "output": self._normalize(command, _parse(done.stdout)),
            "errors": [self._normalize(command, _parse(line)) for line in done.stderr.splitlines()],
        }
        self.results.write_json(
            f"json/{self.group}/{self._number:03}-{slug(name or ' '.join(command))[:60]}.json", result
        )

    def read(self, *command: str) -> str:
        """Run a command without --json, and return what it prints. Nothing is recorded."""
        return self._start(*command).stdout.strip()

    def _start(self, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        given = {"SEEDBED_PORT": str(self.port), **variables}
        return self.server.run(*arguments, folder=self.root, variables=given)

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.root / file
        text = path.read_text(encoding="utf-8")
        if old not in text:
            raise ValueError(f"{file} has no {old!r}")
        path.write_text(text.replace(old, new), encoding="utf-8")

    def write(self, file: str, text: str) -> None:
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def newest(self) -> Path:
        (file,) = self._versions().glob(f"*{self._revisions[-1]}*.py")
        return file

    def revision(self, number: int) -> str:
        return self._revisions[number]

    def count_revisions(self) -> int:
        return len(self._revisions)

    def _versions(self) -> Path:
        return self.root / "migrations/versions"

    def _find_revisions(self) -> None:
        """Number the new revisions in the order of the history, and record their files."""
        texts = {}
        for file in self._versions().glob("*.py"):
            text = file.read_text(encoding="utf-8")
            found = re.search(r'^revision(?:: str)? = ["\'](\w+)["\']', text, re.MULTILINE)
            if found and found[1] not in self._revisions:
                texts[found[1]] = text
        while texts:
            first = min(one for one, text in texts.items() if not any(other in text for other in texts if other != one))
            self._revisions.append(first)
            self.normalizer.replaced[first] = f"<revision {len(self._revisions)}>"
            text, _ = normalize_revision(texts.pop(first), self._revisions)
            name = f"drafts/commands/{self.group}-{len(self._revisions):02}.py.txt"
            self.results.write(name, self.normalizer.text(text))

    def _find_server(self) -> None:
        """Read the embedded server's port from PostgreSQL's own file."""
        for file in self.root.glob(".seedbed/**/postmaster.pid"):
            try:
                lines = file.read_text(encoding="utf-8").splitlines()
            except FileNotFoundError:
                continue
            if len(lines) > 3:
                self.normalizer.replaced[f"127.0.0.1:{lines[3]}"] = "127.0.0.1:<port>"

    def _normalize(self, command: tuple[str, ...], printed: Any) -> Any:
        said = " ".join(command)
        if said.startswith(RANDOM):
            return shape(printed)
        hidden = next((keys for start, keys in TIMED.items() if said.startswith(start)), frozenset())
        return _hide(self.normalizer.value(printed, exact=said.startswith(EXACT)), COUNTED, hidden)


def _hide(value: Any, numbers: Set[str], anything: Set[str]) -> Any:
    match value:
        case list():
            return [_hide(item, numbers, anything) for item in value]
        case dict():
            hidden = {key: "<number>" for key in numbers & value.keys() if value[key] is not None}
            hidden |= dict.fromkeys(anything & value.keys(), "<timed>")
            return {key: hidden.get(key, _hide(item, numbers, anything)) for key, item in value.items()}
    return value


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


USER = "schema/user.py"
TASK = "schema/task.py"


def record_commands(folder: Path) -> None:
    results = Folder(folder)
    with _temporary_folder() as parent, _session(results, parent, "shop") as shop:
        _begin(shop)
        _migrate(shop)
        _seed(shop)
        _branch(shop)
        _preview(shop)
        _change_models(shop)
        _break_history(shop)
        _break_files(shop)
        _misuse(shop)
        _protect_production(shop)
        _end(shop)


def record_adoption(folder: Path) -> None:
    """Record `init` in an existing project, and the adoption of a database without a history."""
    results = Folder(folder)
    with _temporary_folder() as parent, _session(results, parent, "library") as library:
        library.group = "adoption"
        library.root.mkdir()
        library.write("pyproject.toml", '[project]\nname = "library"\nversion = "1"\n')
        library.write("library/__init__.py", "")
        library.write("library/models.py", _MODELS)
        library.run("init")
        library.run("init", "--no-service", "--write")
        library.run("init", "--write")
        library.run("schema", "show")
        library.run("migrate", "draft", "-m", "First", "--plain")
        library.run("doctor")
        url = library.read("db", "url", "--show-password")
        library.run("migrate", "apply")
        _execute(url, "DROP TABLE alembic_version")
        library.run("migrate", "status")
        library.run("migrate", "apply", name="apply over tables without a revision")
        library.run("migrate", "adopt", "--at", "nowhere")
        library.run("migrate", "adopt")
        library.run("migrate", "status")
        _execute(url, "ALTER TABLE author ADD COLUMN surprise integer")
        library.run("migrate", "check", "-e", "development", name="check with drift")
        library.run("migrate", "status", "--all")
        library.run("doctor")


_MODELS = """
from sqlmodel import Field, SQLModel


class Author(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=80, index=True)


class Book(SQLModel, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str
    author_id: int = Field(foreign_key="author.id")
"""


def _begin(shop: Session) -> None:
    shop.root.mkdir()
    shop.run("config", name="config outside a project")
    shop.run("init", "--no-neon", "--no-service")
    shutil.rmtree(shop.root)
    shop.root.mkdir()
    shop.run("init", ".")
    shop.run("init", name="init again")
    shop.run("config")
    shop.run("config", "-e", "production", DATABASE_URL="postgresql://app:hidden@db.example.com/shop")
    shop.run("schema", "show")
    shop.run("schema", "show", "user")
    shop.run("schema", "show", "nothing")
    shop.run("db", "status", name="db status before the start")
    shop.run("db", "start")
    shop.run("db", "status")
    shop.run("serve", "--new-token")
    for form in ("mermaid", "svg"):
        shop.results.write(f"texts/diagram.{form}", shop.read("schema", "diagram", "--format", form))


def _migrate(shop: Session) -> None:
    shop.run("migrate", "status", name="status before the first migration")
    shop.run("seed", "run", name="seed run before the first migration")
    shop.run("migrate", "plan")
    shop.run("migrate", "plan", "--sql")
    shop.run("migrate", "plan", "--offline")
    shop.run("migrate", "rehearse")
    shop.run("migrate", "apply")
    shop.run("migrate", "apply", name="apply again")
    shop.run("migrate", "plan", name="plan with nothing pending")
    shop.run("migrate", "rehearse", name="rehearse with nothing pending")
    shop.run("migrate", "status")
    shop.run("migrate", "status", "--all")
    shop.run("migrate", "check")
    shop.run("migrate", "draft", "-m", "Nothing", name="draft nothing")
    shop.run("db", "mark")
    shop.run("db", "mark", "testing", name="mark without a confirmation")
    shop.run("db", "mark", "nowhere")
    shop.run("doctor")


def _seed(shop: Session) -> None:
    shop.run("seed", "plan")
    shop.run("seed", "plan", "-e", "testing", "--as-of", "2026-01-01")
    shop.run("seed", "check")
    shop.run("seed", "run")
    shop.run("seed", "run", name="seed run again")
    shop.run("seed", "run", "--append")
    shop.run("seed", "run", "--fresh", "--append")
    shop.edit("seeds/development.py", "seeds.add(User, 200)", "seeds.add(User, 210)")
    shop.run("seed", "check", name="check of other seeds")
    shop.run("seed", "run", name="run of other seeds")
    shop.run("seed", "run", "--append", name="append after other seeds")
    shop.run("seed", "run", "--fresh")
    shop.run("seed", "check", "--accept")
    shop.run("seed", "mask", "--check")
    shop.run("seed", "mask", name="mask without a confirmation")
    shop.run("db", "grant-reader", "reader")
    shop.run("up", "--once")


def _branch(shop: Session) -> None:
    shop.run("branch", "list", name="no branches")
    shop.run("branch", "create", "feature/search")
    shop.run("branch", "create", "pr-42", "--lasting", "7d", "--from", "feature/search")
    shop.run("branch", "create", "pr-42", name="create a branch that exists")
    shop.run("branch", "create", "-")
    shop.run("branch", "list")
    shop.run("branch", "show", "pr-42")
    shop.run("branch", "show", "nothing")
    shop.run("branch", "diff", "pr-42")
    url = shop.read("branch", "url", "pr-42", "--show-password")
    _execute(url, "ALTER TABLE task ADD COLUMN extra integer; CREATE INDEX by_title ON task (title)")
    shop.run("branch", "diff", "pr-42", name="diff of a branch that differs")
    shop.run("branch", "diff", "pr-42", "--with", "-", name="diff with another branch")
    shop.run("branch", "reset", "pr-42", name="reset without a confirmation")
    shop.run("branch", "reset", "pr-42", "--yes", "pr-42")
    shop.run("branch", "delete", "pr-42", name="delete without a confirmation")
    shop.run("branch", "delete", "pr-42", "--yes", "pr-42")
    shop.run("branch", "delete", "feature/search", "--yes", "feature/search")
    shop.run("branch", "delete", "feature/search", "--yes", "feature/search", name="delete nothing")


def _preview(shop: Session) -> None:
    shop.run("preview", "up", "preview/one")
    shop.run("preview", "up", "preview/one", name="up again")
    shop.run("preview", "base", "--data", "masked")
    shop.run("preview", "base", "--data", "seed", name="base anew")
    shop.run("preview", "up", "preview/two", "--lasting", "2d")
    shop.run("preview", "up", "preview/three", "--data", "masked", "--lasting", "never")
    shop.run("preview", "up", "preview/four", "--data", "masked", "--keep", "nothing")
    shop.run("preview", "up", "preview/five", "--keep", "nothing")
    shop.run("preview", "up", "preview/one", "--output", "github", name="up for GitHub elsewhere")
    shop.run("branch", "list", name="list with previews")
    shop.run("preview", "up", "preview/pr-7")
    shop.write("closed.txt", "7\n")
    shop.write("none.txt", "")
    shop.run("preview", "gc", "--older-than", "30d")
    shop.run("preview", "gc", "--older-than", "0d")
    shop.run("preview", "gc", "--closed", "closed.txt")
    shop.run("preview", "gc", "--open", "none.txt")
    shop.run("preview", "gc", "--closed", "closed.txt", "--delete")
    shop.run("preview", "down", "preview/one")
    shop.run("preview", "down", "preview/one", name="down again")
    shop.run("preview", "down", "shop_development")
    shop.run("migrate", "apply", "-e", "testing")
    shop.run("seed", "run", "-e", "testing")
    shop.run("seed", "mask", "-e", "testing", "--yes", "shop_testing")


def _change_models(shop: Session) -> None:
    shop.edit(USER, "is_active: bool", "score: int\n    is_active: bool")
    shop.run("migrate", "draft", "-m", "Score users", name="draft without a backfill")
    shop.run("migrate", "draft", "-m", "Score users", "--backfill", "user.score=1")
    shop.run("migrate", "plan", name="plan of a required column")
    shop.run("migrate", "rehearse", name="rehearse a required column")
    shop.run("migrate", "rehearse", "--max-block", "0", name="rehearse with a limit")
    shop.run("preview", "up", "preview/two", name="up with a pending migration")
    shop.run("migrate", "apply", "--safety-branch")
    shop.run("migrate", "downgrade", "-9")
    shop.run("migrate", "downgrade")
    shop.run("migrate", "apply")

    shop.edit(TASK, "title: str = Field(max_length=200)", "headline: str = Field(max_length=200)")
    shop.run("migrate", "draft", "-m", "Rename", name="draft what looks renamed")
    shop.run("migrate", "draft", "-m", "Rename", "--rename", "task.title")
    shop.run("migrate", "draft", "-m", "Rename", "--rename", "task.nothing=task.headline")
    shop.run("migrate", "draft", "-m", "Rename", "--gradual", "--plain")
    shop.run("migrate", "draft", "-m", "Rename", "--rename", "task.title=task.headline", "--gradual")
    shop.run("migrate", "plan", name="plan of expand and contract")
    shop.run("migrate", "apply", name="apply the expansion")
    shop.run("migrate", "status", name="status with a contract that waits")
    shop.run("migrate", "apply", "--contract")
    shop.run("up", "--once", name="up after a rename")

    shop.edit(
        TASK, "is_completed: bool", "weight: float | None = Field(default=None, index=True)\n    is_completed: bool"
    )
    shop.edit(USER, "max_length=320", "max_length=300")
    shop.run("migrate", "draft", "-m", "Weigh tasks", name="draft several changes")
    shop.run("migrate", "plan", name="plan of several changes")
    shop.run("migrate", "apply", name="apply several changes")
    shop.run("migrate", "apply", "--contract", name="apply the contract of several changes")

    shop.edit(TASK, "    weight: float | None = Field(default=None, index=True)\n", "")
    shop.run("migrate", "draft", "-m", "Weigh nothing", "--plain", name="draft a dropped column")
    shop.run("migrate", "plan", name="plan of a dropped column")
    shop.run("migrate", "apply", name="apply a dropped column")
    shop.run("migrate", "status", "--all", name="status after all of it")
    shop.run("migrate", "check", name="check after all of it")


def _break_history(shop: Session) -> None:
    kept = shop.count_revisions()
    file = shop.newest()
    whole, head = file.read_text(encoding="utf-8"), (shop.root / "migrations/head").read_text(encoding="utf-8")
    file.write_text(whole.replace("def upgrade() -> None:\n", "def upgrade() -> None:\n    edited = 1\n"), "utf-8")
    shop.run("migrate", "status", name="status of an edited revision")
    shop.run("migrate", "plan", name="plan of an edited revision")
    shop.run("migrate", "apply", name="apply an edited revision")
    shop.run("migrate", "check", name="check an edited revision")
    shop.run("migrate", "accept", shop.revision(kept - 1), name="accept without a confirmation")
    shop.run("migrate", "accept", shop.revision(kept - 1), "--yes", "shop_development", name="accept an edit")
    shop.run("migrate", "accept", shop.revision(kept - 1), name="accept again")
    file.write_text(whole, "utf-8")
    shop.run("migrate", "check", "--seal")
    shop.run("migrate", "accept", shop.revision(kept - 1), "--yes", "shop_development", name="accept the old text")

    shop.run("migrate", "draft", "-m", "By hand", "--empty")
    by_hand = shop.newest()
    text = by_hand.read_text(encoding="utf-8")
    by_hand.write_text(text.replace("    pass", "    op.execute('SELECT 1 / 0')", 1), "utf-8")
    shop.run("migrate", "plan", name="plan of a revision that fails")
    shop.run("migrate", "apply", name="apply a revision that fails")
    shop.run("migrate", "check", name="check a revision that fails")
    shop.run("preview", "up", "preview/six", name="up with a revision that fails")
    by_hand.write_text(text, "utf-8")
    fork = file.with_name("20990101_0000_ffffffffffff_fork.py")
    renamed = whole.replace(shop.revision(kept - 1), "ffffffffffff")
    fork.write_text(renamed, "utf-8")
    shop.run("migrate", "status", name="status of a fork")
    shop.run("migrate", "apply", name="apply a fork")
    shop.run("migrate", "rebase", "ffffffffffff")
    fork.unlink(missing_ok=True)
    by_hand.unlink()
    (shop.root / "migrations/head").write_text(head, "utf-8")
    file.write_text("not python\n" + whole, "utf-8")
    shop.run("migrate", "status", name="status of a file that is no Python")
    file.write_text(whole, "utf-8")


def _break_files(shop: Session) -> None:
    seeds = (shop.root / "seeds/development.py").read_text(encoding="utf-8")
    shop.write("seeds/development.py", seeds + "    seeds.add(Task, 3)\n")
    shop.run("seed", "plan", name="plan of seeds that say it twice")
    shop.write("seeds/development.py", seeds.replace("choice({True: 1, False: 2})", "choice([])"))
    shop.run("seed", "plan", name="plan of seeds without a choice")
    shop.write("seeds/development.py", "import nothing\n")
    shop.run("seed", "plan", name="plan of seeds that cannot be imported")
    shop.write("seeds/development.py", seeds)
    user = (shop.root / USER).read_text(encoding="utf-8")
    shop.write(USER, "import nothing\n" + user)
    for command in (("schema", "show"), ("migrate", "draft", "-m", "Broken"), ("doctor",)):
        shop.run(*command, name=f"{command[0]} of a broken schema")
    shop.write(USER, user)


def _misuse(shop: Session) -> None:
    shop.run("nothing")
    shop.run("migrate", "apply", "--nothing")
    shop.run("migrate", "draft", name="draft without a message")
    shop.run("migrate", "status", "-e", "nowhere")
    shop.run("branch", "create", "x", "--lasting", "soon")
    shop.run("--project", "nowhere", "config")
    unreachable = "postgresql://app:hidden@127.0.0.1:1/shop"
    for name, url in (
        ("unreachable", unreachable),
        ("malformed", "postgresql:/app:hidden@127.0.0.1/shop"),
        ("misspelt", "postgresql://app@127.0.0.1/shop?sslmode=perhaps"),
    ):
        for command in (("migrate", "status"), ("db", "status"), ("config",), ("doctor",)):
            shop.run(*command, name=f"{' '.join(command)} of a server that is {name}", DATABASE_URL=url)
    shop.run("migrate", "apply", "-e", "production", name="production without a URL")
    shop.run("branch", "create", "x", name="branch elsewhere", DATABASE_URL=unreachable)
    shop.run("serve", "-e", "production", name="serve without tokens", DATABASE_URL=unreachable)


def _protect_production(shop: Session) -> None:
    url = shop.read("db", "url", "--show-password")
    shop.run("db", "mark", "production", "--yes", "shop_development")
    refused: tuple[tuple[str, ...], ...] = (
        ("seed", "run"), ("seed", "mask", "--yes", "shop_development"), ("db", "reset", "--yes", "shop_development"),
        ("migrate", "downgrade"), ("migrate", "status"), ("preview", "up", "x"),
    )  # fmt: skip
    for command in refused:
        shop.run(*command, name=f"{' '.join(command[:2])} in production", DATABASE_URL=url)
    shop.run("db", "mark", "development", "--yes", "shop_development")


def _end(shop: Session) -> None:
    shop.run("db", "reset", name="reset without a confirmation")
    shop.run("db", "reset", "--yes", "shop_development")
    shop.run("migrate", "apply", name="apply to an empty database")
    shop.run("doctor", name="doctor at the end")
    shop.run("db", "stop")
    shop.run("db", "stop", name="stop again")


def _execute(url: str, statement: str) -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


@contextmanager
def _session(results: Folder, parent: Path, name: str) -> Iterator[Session]:
    root, port = parent / name, free_port()
    with command_server() as server:
        session = Session(results, server, root, port)
        session.normalizer.replaced |= folder_names(
            project=root, home=parent, repository=ROOT, python=Path(sys.prefix), base=Path(sys.base_prefix)
        )
        session.normalizer.replaced[f"127.0.0.1:{port}"] = "127.0.0.1:<service port>"
        session.normalizer.whole[str(port)] = "<service port>"
        try:
            yield session
        finally:
            if list(root.glob(".seedbed/**/postmaster.pid")):
                session.read("db", "stop")


@contextmanager
def _temporary_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="seedbed-baseline-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
