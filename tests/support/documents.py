"""The pages of the manual as somebody would follow them: their blocks, in order, in a project's folder.

A `console` block is typed into a shell, a `python` block is run, and what is shown after a command is what it has to
print. HTML comments, which no reader sees, say what is to be otherwise with the next block:

    <!-- not run: WHY -->         it is shown only
    <!-- file: NAME -->           it is written to a file
    <!-- more: NAME -->           it is added to a file
    <!-- into: NAME, WORDS -->    it is put into a file, above the first line that holds the words
    <!-- beside: URL -->          its command goes on in the background; the page does once the URL answers
    <!-- ends with 1 -->          its last command does

and one of more lines, `<!-- run`, commands, `-->`, is typed as a console block is: preparations that need not be read.
"""

import ast
import os
import re
import select
import signal
import subprocess
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep

ROOT = Path(__file__).parents[2]
TEXTS = ("text", "mermaid")
"""Languages of blocks in which nothing is to be run: output, drawings."""
SECONDS = 120

_PIECE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<body>.*?)^ *```$|<!-- (?P<told>.*?)-->", re.MULTILINE | re.DOTALL
)
_TOLD = re.compile(r"(not run|file|more|into|beside): (.+)|(ends with) (\d)")
_VARYING = (
    (r"(\\ ){2,}", r" +"),  # columns are as wide as what is in them
    (r"\d{8}_\d{4}(?=_)", r"\\d{8}_\\d{4}"),
    (r"\d{4}\\-\d\d\\-\d\d(\\ \d\d:\d\d)?", r"[-\\d: ]+"),
    (r"(?<![\w.])(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{8,16}(?![\w.])", r"[0-9a-f]+"),
    (r"(?<=_)[0-9a-f]{12}(?=_)", r"[0-9a-f]+"),
    (r"(127\\\.0\\\.0\\\.1|localhost):\d+", r"\1:\\d+"),
    (r"/srv/", r"/\\S*/"),
    (r"\d+(\\\.\d+)?\\ (m?s)\b", r"[\\d.]+ \2"),
    (r"\\\.\\\.\\\.|[^\s\\]*…", r".*"),
)


@dataclass(frozen=True)
class Block:
    """A block with what a comment tells of it; `told` is one of the words above, or none."""

    line: int
    language: str
    body: str
    told: str = ""
    about: str = ""


@dataclass(frozen=True)
class Typed:
    """A command, and what is shown of its output, if anything."""

    command: str
    shown: str


@dataclass(frozen=True)
class Said:
    """What a command printed."""

    out: str
    err: str
    code: int


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a page, without the indentation of a list, and the commands that comments hold."""
    told, about = "", ""
    for piece in _PIECE.finditer(text):
        line = text.count("\n", 0, piece.start()) + 1
        if (comment := piece["told"]) is not None:
            if comment.startswith("run\n"):
                commands = "".join(f"$ {one}\n" for one in comment.splitlines()[1:] if one.strip())
                yield Block(line, "console", commands)
            elif (words := _TOLD.fullmatch(comment.strip())) is not None:
                told, about = words[1] or words[3], words[2] or words[4]
            else:
                raise AssertionError(f"line {line}: {comment!r} says nothing that is known")
            continue
        body = "".join(one.removeprefix(piece["indent"]) for one in piece["body"].splitlines(keepends=True))
        yield Block(line, piece["language"], body, told, about)
        told, about = "", ""
    assert not told, f"'{told}: {about}' stands before no block"


def typed(body: str) -> Iterator[Typed]:
    """The commands of a console block. One that is not ended on its line goes on in the next."""
    command: list[str] = []
    shown: list[str] = []
    for line in body.splitlines():
        if line.startswith("$ ") and not _unended(command):
            if command:
                yield Typed("\n".join(command), "\n".join(shown))
            command, shown = [line[2:]], []
        elif _unended(command):
            command.append(line)
        else:
            shown.append(line)
    if command:
        yield Typed("\n".join(command), "\n".join(shown))


def _unended(command: list[str]) -> bool:
    if not command:
        return False
    checked = subprocess.run(["bash", "-n"], input="\n".join(command), capture_output=True, text=True, check=False)
    return "unexpected" in checked.stderr or command[-1].endswith("\\")


class Shell:
    """One shell for a page, so that variables, folders and what runs in the background stay."""

    def __init__(self, folder: Path, variables: Mapping[str, str]) -> None:
        self._folder = folder
        self.place = folder
        self._bash = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=dict(variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, command: str) -> Said:
        out, err = self._folder / ".said-out", self._folder / ".said-err"
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        self._bash.stdin.write(f"{{\n{command}\n}} >'{out}' 2>'{err}' </dev/null\necho $? \"$PWD\"\n")
        self._bash.stdin.flush()
        ready, _, _ = select.select([self._bash.stdout], [], [], SECONDS)
        assert ready, f"{command} did not end\n{out.read_text()}\n{err.read_text()}"
        code, _, place = self._bash.stdout.readline().strip().partition(" ")
        self.place = Path(place)
        return Said(out.read_text(), err.read_text(), int(code))

    def end(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._bash.pid, signal.SIGTERM)
        self._bash.communicate()


def follow(text: str, shell: Shell) -> None:
    """Do what a page says, from its first block to its last.

    Raises:
        AssertionError: with the block's line, and what a command printed.
    """
    for block in blocks(text):
        if block.told == "not run" or block.language in TEXTS:
            continue
        try:
            _follow(block, shell)
        except AssertionError as error:
            raise AssertionError(f"line {block.line}: {error}") from error


def _follow(block: Block, shell: Shell) -> None:
    if block.told in {"file", "more", "into"}:
        _write(block, shell.place)
    elif block.language == "console":
        commands = list(typed(block.body))
        for number, one in enumerate(commands, 1):
            if one.command.startswith("pip install "):
                _installable(one.command)
                continue
            beside = block.told == "beside"
            code = int(block.about) if block.told == "ends with" and number == len(commands) else None
            _type(f"{one.command} &" if beside else one.command, one.shown, shell, code)
            if beside:
                _await(block.about)
    elif block.language == "python":
        program = shell.place / ".block.py"
        program.write_text(block.body)
        _type(f"PYTHONPATH=.:$PYTHONPATH python {program.name}", "", shell, None)
    else:
        raise AssertionError(f"nothing is known of how to run {block.language or 'a block without a language'}")


def _write(block: Block, folder: Path) -> None:
    name, _, words = block.about.partition(", ")
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    if block.told == "into":
        lines = file.read_text().splitlines(keepends=True)
        place = next((i for i, line in enumerate(lines) if words in line), None)
        assert place is not None, f"{name} has no line with {words!r}"
        file.write_text("".join([*lines[:place], block.body, *lines[place:]]))
    else:
        file.write_text((file.read_text() + "\n\n" if block.told == "more" and file.exists() else "") + block.body)
    if file.suffix == ".py":
        ast.parse(file.read_text())
    if file.suffix == ".toml":
        tomllib.loads(file.read_text())


def _type(command: str, shown: str, shell: Shell, code: int | None) -> None:
    said = shell.run(command)
    told = f"{command}\n{said.out}\n{said.err}"
    fails = re.match(r"(FAILED: )?SB\d+ ", shown) is not None
    assert said.code == code if code is not None else (said.code != 0) == fails, f"ended with {said.code}: {told}"
    if shown:
        wanted = pattern(shown)
        told_ways = (said.out, said.err, said.err + said.out, said.out + said.err)
        assert any(re.fullmatch(wanted, way.rstrip("\n") + "\n") for way in told_ways), (
            f"shown is\n{shown}\nand printed {told}"
        )


def pattern(shown: str) -> str:
    """What is shown, as a pattern: names, times and places may be others, and `...` is anything."""
    lines = []
    for line in shown.rstrip("\n").splitlines():
        if line.strip() == "...":
            lines.append(r"(?:.*\n)*?")
            continue
        escaped = re.escape(line.rstrip())
        for varying, instead in _VARYING:
            escaped = re.sub(varying, instead, escaped)
        lines.append(rf"{escaped} *\n")
    return "".join(lines)


def _installable(command: str) -> None:
    """What pip is asked for is what the package has; nothing is installed."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    asked = re.fullmatch(r"pip install '?seedbed(?:\[([\w,]+)\])?'?", command)
    assert asked, f"{command} names more than seedbed"
    assert set((asked[1] or "").split(",")) - {""} <= set(extras), command


def _await(url: str) -> None:
    until = monotonic() + SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            assert monotonic() < until, f"{url} never answered"
            sleep(0.05)
        else:
            return
