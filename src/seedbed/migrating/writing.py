"""A revision's file, written from its steps."""

import re
from argparse import Namespace
from collections.abc import Iterable, Sequence
from pathlib import Path

from alembic.script import ScriptDirectory
from alembic.util import rev_id

from seedbed.errors import DraftRefused, FileNotWritten
from seedbed.migrating.changing import Part
from seedbed.migrating.comparing.statements import Statement
from seedbed.migrating.history import Revision, alembic_config
from seedbed.settings import Project
from seedbed.settings.writing import write_whole

_INDENT = "    "
CONTRACT = """\
    # seedbed: contract
    # To be applied when no program uses the old column any more; its values are in the new one.
"""
_ALLOWED = "    # seedbed: allow drop-column\n"


def write_revision(project: Project, message: str, part: Part) -> Revision:
    """Write a revision after the newest one. A way down that is a sentence says why there is none."""
    config = alembic_config(project)
    config.cmd_opts = Namespace(quiet=True)
    directory = ScriptDirectory.from_config(config)
    lossless = part.contract and all(step.loss is None for step in part.up)
    up = (CONTRACT if part.contract else "") + (_ALLOWED if lossless else "") + body(part.up, online=part.online)
    down = _no_way_back(part.down) if isinstance(part.down, str) else body(part.down, online=part.online)
    imports = "from sqlalchemy.dialects import postgresql\n" if "postgresql." in up + down else ""
    revision = rev_id()
    try:
        script = directory.generate_revision(
            revision, message, head="head", upgrades=_after_first(up), downgrades=_after_first(down), imports=imports
        )
    except OSError as error:
        for begun in Path(directory.versions).glob(f"*{revision}*"):
            begun.unlink(missing_ok=True)
        raise FileNotWritten(str(error.filename or directory.versions), error.strerror or str(error)) from error
    if script is None:
        raise DraftRefused("write", "Alembic wrote no file")
    return Revision(script.revision, message, Path(script.path))


def body(statements: Iterable[Statement], *, online: bool = False) -> str:
    """The steps as the body of a function, indented; `online` ones in Alembic's autocommit block."""
    lines = [_indented(statement.python) for statement in statements]
    if not online or not lines:
        return "\n".join(lines)
    head = [f"{_INDENT}# Each step is committed as it runs. Interrupted, the revision is run again as a whole."]
    return "\n".join([*head, f"{_INDENT}with op.get_context().autocommit_block():", *map(_indented, lines)])


def add_verdict(revision: Revision, lines: Sequence[str]) -> None:
    """Put what a proof came to under the message in the revision's docstring."""
    text = revision.file.read_text(encoding="utf-8")
    head = f'"""{revision.message}'
    said = "\n".join(_wrapped(line) for line in lines)
    if head in text:
        end = "\n" if text.split(head, 1)[1].startswith('"""') else ""
        write_whole(revision.file, text.replace(head, f"{head}\n\n{said}{end}", 1))


def _indented(code: str) -> str:
    """Code over several lines, indented but for what is inside a triple-quoted string."""
    lines, inside = [], False
    for line in code.split("\n"):
        lines.append(line if inside else _INDENT + line)
        if len(re.findall('"""', line)) % 2:
            inside = not inside
    return "\n".join(lines)


def _after_first(text: str) -> str:
    """The template indents the first line itself."""
    return text.removeprefix(_INDENT) or "pass"


def _no_way_back(reason: str) -> str:
    return f"{_INDENT}raise RuntimeError({reason!r})"


def _wrapped(line: str, width: int = 116) -> str:
    words, lines = line.replace("\\", "\\\\").replace('"""', "'''").split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) + 1 > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
