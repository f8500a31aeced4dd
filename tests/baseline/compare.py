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
    """A table of renamed keys cannot be followed."""


@dataclass
class Names:
    """Renamed keys of `--json`, from a TOML file.

    `old = "new"` holds everywhere. In a table named for a command, such as `["migrate draft"]`, it holds for results of
    that command only. `"parent.old" = "new"` holds inside of what `parent` has; `parent` is the old name. The table
    `[strings]` has parts of text values and what they become, such as a module's name.
    """

    everywhere: Mapping[str, str] = field(default_factory=dict)
    of_command: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    strings: Mapping[str, str] = field(default_factory=dict)
    used: Counter[str] = field(default_factory=Counter)

    @classmethod
    def read(cls, file: Path) -> "Names":
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        tables = {name: value for name, value in table.items() if isinstance(value, dict)}
        everywhere = {name: value for name, value in table.items() if name not in tables}
        for renames in (everywhere, *tables.values()):
            if wrong := [name for name, value in renames.items() if not isinstance(value, str)]:
                raise UnusableTable(f"{wrong[0]} has no text as its new name; a name with a point stands in quotes")
        return cls(everywhere, {k: v for k, v in tables.items() if k != "strings"}, tables.get("strings", {}))

    def rename(self, value: Any, command: str) -> Any:
        """What a command printed, under the new names.

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
    """What differs: `failures` by result, and `texts`, help that only reads differently."""

    results: int = 0
    failures: dict[str, list[str]] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)


def compare_records(
    old: Path, new: Path, keys: Path | None = None, *, only: Sequence[str] = (), ignored: Sequence[str] = ()
) -> int:
    """Print what differs between two folders. Gives 0, 1 where something differs, or 2 where nothing was compared."""
    names = None
    try:
        names = Names.read(keys) if keys is not None else None
        comparison = compare(old, new, names, only=only, ignored=ignored)
    except (UnusableTable, FileNotFoundError) as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 2
    if not comparison.results:
        sys.stderr.write("Nothing was compared: no result has such a name.\n")
        return 2
    for line in print_comparison(comparison, names):
        sys.stdout.write(f"{line}\n")
    return 1 if comparison.failures else 0


def compare(
    old: Path, new: Path, names: Names | None = None, *, only: Sequence[str] = (), ignored: Sequence[str] = ()
) -> Comparison:
    """Compare two folders, result by result.

    With `only`, those whose names begin with one of them; those that begin with one of `ignored` are passed over.
    """
    names = names or Names()
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
        elif lines := [*_differences(result, before[result], after[result], names)]:
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
    """Say where two records were not made alike; they may have other parts where they are compared in part."""
    before, after = _load(old), _load(new)
    lines = [
        f"{name} was {before.get(name)}, and is {after.get(name)}"
        for name in ("quick", "postgresql", "python", "packages", *(() if in_part else ("parts",)))
        if before.get(name) != after.get(name)
    ]
    if lines:
        comparison.failures[META] = lines


def _differences(result: str, old: Path, new: Path, names: Names) -> Iterator[str]:
    if not result.startswith(OF_JSON):
        yield from _differing_lines(old, new)
        return
    before, after = _load(old), _load(new)
    for part in ("output", "errors"):
        before[part] = names.rename(before[part], before["command"])
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


def print_comparison(comparison: Comparison, names: Names | None = None) -> Iterator[str]:
    """The lines that tell a person what differs."""
    for title, differing in (("changed texts", comparison.texts), ("differences", comparison.failures)):
        if differing:
            yield f"{title}: {len(differing)}"
        for result, lines in differing.items():
            yield f"  {result}"
            yield from (f"    {line}" for line in lines[:LINES])
            if len(lines) > LINES:
                yield f"    and {len(lines) - LINES} more lines"
    if names is not None:
        yield from (f"{key} was renamed {count} times" for key, count in sorted(names.used.items()) if count)
        yield from (f"{key} is in the table and was never met" for key in names.unused())
    failed = len(comparison.failures)
    yield f"{comparison.results} results compared: {failed or 'none'} {'differs' if failed == 1 else 'differ'}."
