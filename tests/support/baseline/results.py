"""The files of a record, one for each result."""

import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Folder:
    """A folder to which a record is written."""

    path: Path

    def write(self, name: str, text: str) -> None:
        """Write one result.

        Raises:
            FileExistsError: there is a result of that name.
        """
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8", newline="\n") as opened:
            opened.write(text if text.endswith("\n") else text + "\n")

    def write_json(self, name: str, value: Any, *, sort_keys: bool = True) -> None:
        self.write(name, json.dumps(value, indent=1, sort_keys=sort_keys, ensure_ascii=False))


def slug(text: str) -> str:
    """Convert text for use in a file name."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
