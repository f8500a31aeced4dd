"""Compare two records, and print each difference."""

import difflib
import json
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LINES = 30
"""How many lines of one difference are printed."""
OF_JSON = "json/"
HELP = "help/"
PARAMETERS = "parameters/commands.json"
META = "meta.json"


class UnusableTable(Exception):
    """A table of renamed keys is not valid."""


@dataclass
class KeyTable:
    """Renamed keys of `--json`, from a TOML file.

    `old = "new"` applies everywhere; in a table named after a command, such as `["migrate draft"]`, only to results of
    that command. `"parent.old" = "new"` applies inside the value of `parent`, which is the old name. The table
    `[strings]` replaces parts of text values, such as a module's name.
    """

    everywhere: Mapping[str, str] = field(default_factory=dict)
    of_command: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    strings: Mapping[str, str] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, file: Path) -> "KeyTable":
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        tables = {name: value for name, value in table.items() if isinstance(value, dict)}
        everywhere = {name: value for name, value in table.items() if name not in tables}
        for renames in (everywhere, *tables.values()):
            if wrong := [name for name, value in renames.items() if not isinstance(value, str)]:
                raise UnusableTable(f"{wrong[0]} has no text as its new name; quote a name that contains a dot")
        return cls(everywhere, {k: v for k, v in tables.items() if k != "strings"}, tables.get("strings", {}))

    def rename(self, value: Any, command: str) -> Any:
        """Rename the keys in what a command printed.

        Raises:
            UnusableTable: two keys of one object would have the same name.
        """
        chosen = {(key, ""): new for key, new in self.everywhere.items()}
        for scope in sorted(self.of_command, key=len):
            if f"{command} ".startswith(f"{scope} "):
                chosen |= {(key, scope): new for key, new in self.of_command[scope].items()}
        return self._rename(value, {key: (new, scope) for (key, scope), new in chosen.items()}, "")

    def unused(self) -> list[str]:
        said = [*self.everywhere, *(f"{scope}: {key}" for scope, keys in self.of_command.items() for key in keys)]
        return [key for key in [*said, *(f"strings: {key}" for key in self.strings)] if not self.used[key]]

    def _rename(self, value: Any, chosen: Mapping[str, tuple[str, str]], parent: str) -> Any:
        match value:
            case list():
                return [self._rename(item, chosen, parent) for item in value]
            case str():
                for old, new in self.strings.items():
                    self.used[f"strings: {old}"] += value.count(old)
                    value = value.replace(old, new)
                return value
            case dict():
                renamed: dict[str, Any] = {}
                for key, item in value.items():
                    known = next((name for name in (f"{parent}.{key}", key) if name in chosen), None)
                    name = key
                    if known is not None:
                        name, scope = chosen[known]
                        self.used[f"{scope}: {known}" if scope else known] += 1
                    if name in renamed:
                        raise UnusableTable(f"two keys of one object would be {name}")
                    renamed[name] = self._rename(item, chosen, key)
                return renamed
        return value


@dataclass
class Comparison:
    """The differences: `failures`, and `texts` for help, of which only the wording differs."""

    results: int = 0
    failures: dict[str, list[str]] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)


def compare_records(
    old: Path, new: Path, keys: Path | None = None, *, only: Sequence[str] = (), ignored: Sequence[str] = ()
) -> int:
    """Print the differences between two records. Returns 0 for none, 1 for some, or 2 if nothing was compared."""
    key_table = None
    try:
        key_table = KeyTable.read(keys) if keys is not None else None
        comparison = compare(old, new, key_table, only=only, ignored=ignored)
    except (UnusableTable, FileNotFoundError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 2
    if not comparison.results:
        sys.stderr.write("Nothing was compared: no result has that name.\n")
        return 2
    for line in print_comparison(comparison, key_table):
        sys.stdout.write(f"{line}\n")
    return 1 if comparison.failures else 0


def compare(
    old: Path, new: Path, key_table: KeyTable | None = None, *, only: Sequence[str] = (), ignored: Sequence[str] = ()
) -> Comparison:
    """Compare two records, result by result: those that start with one of `only`, and with none of `ignored`."""
    key_table = key_table or KeyTable()
    comparison = Comparison()
    before, after = (
        {str(file.relative_to(folder)): file for file in folder.rglob("*") if file.is_file()} for folder in (old, new)
    )
    if not before:
        raise FileNotFoundError(old)
    for result in sorted({*before, *after}):
        if result == META or result.startswith(tuple(ignored)) or (only and not result.startswith(tuple(only))):
            continue
        comparison.results += 1
        if result.startswith(HELP):
            if result in before and result in after and (lines := _differing_lines(before[result], after[result])):
                comparison.texts[result] = lines
        elif result not in after:
            comparison.failures[result] = ["is missing in the new record"]
        elif result not in before:
            comparison.failures[result] = ["is in the new record only"]
        elif lines := [*_differences(result, before[result], after[result], key_table)]:
            comparison.failures[result] = lines
        if result == PARAMETERS and result in comparison.failures and result in before and result in after:
            gone = _disappeared(before[result], after[result])
            comparison.texts |= {result: comparison.failures.pop(result)}
            comparison.failures |= {result: gone} if gone else {}
    if META in before and META in after:
        _compare_conditions(comparison, before[META], after[META], in_part=bool(only))
    elif META in before or META in after:
        comparison.failures[META] = ["is missing in one of the records, which is not whole"]
    return comparison


def _compare_conditions(comparison: Comparison, old: Path, new: Path, *, in_part: bool) -> None:
    """Report different versions or options of two records. Compared `in_part`, they may have different parts."""
    before, after = _load(old), _load(new)
    lines = [
        f"{name} was {before.get(name)}, and is {after.get(name)}"
        for name in ("quick", "postgresql", "python", "packages", *(() if in_part else ("parts",)))
        if before.get(name) != after.get(name)
    ]
    if lines:
        comparison.failures[META] = lines


def _differences(result: str, old: Path, new: Path, key_table: KeyTable) -> Iterator[str]:
    if not result.startswith(OF_JSON):
        yield from _differing_lines(old, new)
        return
    before, after = _load(old), _load(new)
    for part in ("output", "errors"):
        before[part] = key_table.rename(before[part], before["command"])
    yield from _differing_values(before, after, "")


def _differing_values(old: Any, new: Any, path: str) -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            where = f"{path}.{key}" if path else str(key)
            if key not in new:
                yield f"{where} is missing"
            elif key not in old:
                yield f"{where} is new"
            else:
                yield from _differing_values(old[key], new[key], where)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _differing_values(before, after, f"{path}[{number}]")
    elif type(old) is not type(new) or old != new:
        yield f"{path} was {json.dumps(old, ensure_ascii=False)}"
        yield f"{' ' * len(path)}  is {json.dumps(new, ensure_ascii=False)}"


def _differing_lines(old: Path, new: Path) -> list[str]:
    if old.read_bytes() == new.read_bytes():
        return []
    before, after = (file.read_text(encoding="utf-8").splitlines() for file in (old, new))
    lines = [*difflib.unified_diff(before, after, "old", "new", n=1, lineterm="")][2:]
    return lines or ["the bytes differ, and the lines do not"]


def _disappeared(old: Path, new: Path) -> list[str]:
    before, after = _load(old), _load(new)
    lines = [f"{command} is gone" for command in before if command not in after]
    for command in before.keys() & after.keys():
        lines += [f"{command} {name} is gone" for name in before[command] if name not in after[command]]
    return sorted(lines)


def _load(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def print_comparison(comparison: Comparison, key_table: KeyTable | None = None) -> Iterator[str]:
    """Yield the lines that describe the differences."""
    for title, differing in (("changed texts", comparison.texts), ("differences", comparison.failures)):
        if differing:
            yield f"{title}: {len(differing)}"
        for result, lines in differing.items():
            yield f"  {result}"
            yield from (f"    {line}" for line in lines[:LINES])
            if len(lines) > LINES:
                yield f"    and {len(lines) - LINES} more lines"
    if key_table is not None:
        yield from (f"{key} was renamed {count} times" for key, count in sorted(key_table.used.items()) if count)
        yield from (f"{key} is in the table and was never met" for key in key_table.unused())
    failed = len(comparison.failures)
    yield f"{comparison.results} results compared: {failed or 'none'} {'differs' if failed == 1 else 'differ'}."
