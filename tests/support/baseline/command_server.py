"""Run many `seedbed` commands fast: each is a fork of a process that has already imported the package.

That process runs this file as a script. It reads a line of JSON for each command, and prints the exit code.
"""

import importlib
import json
import os
import pkgutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

KEPT = ("PATH", "LANG", "LC_ALL", "PYTHONHASHSEED")


class CommandServer:
    """Runs commands one after another, each with only the environment variables given for it."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def run(self, *arguments: str, folder: Path, variables: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
        """Run `seedbed` in a folder.

        Raises:
            RuntimeError: the command ended with a traceback.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        kept = {name: os.environ[name] for name in KEPT if name in os.environ}
        environment = {**kept, "HOME": str(folder.parent), "NO_COLOR": "1", "TZ": "UTC", **variables}
        with tempfile.TemporaryDirectory() as temporary:
            outputs = [str(Path(temporary) / name) for name in ("out", "err")]
            request = {"arguments": arguments, "folder": str(folder), "environment": environment, "outputs": outputs}
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            code = int(self._process.stdout.readline())
            out, err = (Path(file).read_text(encoding="utf-8") for file in outputs)
        if "Traceback" in err:
            raise RuntimeError(f"{' '.join(arguments)} failed:\n{err}")
        return subprocess.CompletedProcess(arguments, code, out, err)

    def json(self, *arguments: str, folder: Path, variables: Mapping[str, str]) -> Any:
        """Run a command with --json, and return what it prints.

        Raises:
            RuntimeError: the command failed.
        """
        done = self.run(*arguments, "--json", folder=folder, variables=variables)
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stderr}")
        return json.loads(done.stdout)


@contextmanager
def command_server() -> Iterator[CommandServer]:
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield CommandServer(process)
        assert process.stdin is not None
        process.stdin.close()


def _serve() -> None:
    _import_all("seedbed")
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            answers.close()
            _run(request)
            return
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()


def _import_all(package: str) -> None:
    """Import a package's modules, except those that need a missing extra."""
    found = importlib.import_module(package)
    for module in pkgutil.walk_packages(found.__path__, f"{package}.", onerror=lambda _: None):
        if not module.name.endswith("__main__"):
            try:
                importlib.import_module(module.name)
            except ImportError:
                continue


def _run(request: Mapping[str, Any]) -> None:
    """Run a command in this process, as `python -m seedbed` would in its folder."""
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    sys.path[0] = request["folder"]
    sys.argv = ["seedbed", *request["arguments"]]
    for descriptor, name in enumerate([os.devnull, *request["outputs"]]):
        opened = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        os.dup2(opened, descriptor)
        os.close(opened)
    importlib.import_module("seedbed.__main__").main()


if __name__ == "__main__":
    _serve()
