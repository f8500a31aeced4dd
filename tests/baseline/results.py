"""Files of a record, one for each result."""

import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Folder:
    """The folder that a record is written to."""

    path: Path

    def write(self, name: str, text: str) -> None:
        """Write one result.

        Raises:
            FileExistsError: a result of that name is there already.
        """
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8", newline="\n") as opened:
            opened.write(text if text.endswith("\n") else text + "\n")

    def write_json(self, name: str, value: Any, *, sort_keys: bool = True) -> None:
        self.write(name, json.dumps(value, indent=1, sort_keys=sort_keys, ensure_ascii=False))


def slug(text: str) -> str:
    """Text as part of a file's name."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")
