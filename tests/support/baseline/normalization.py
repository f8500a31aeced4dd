"""Replace what differs in every run by stable names: folders, ports, revision ids, times."""

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?")
_DAY = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_PATTERNS = (
    (re.compile(r"\b\d{8}_\d{4}_"), "<minute>_"),
    (re.compile(r"\b[0-9a-f]{16}\b"), "<digest>"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<hash>"),
    (re.compile(r"\b\d{8}-\d{6}\b"), "<moment>"),
    (re.compile(r"\bseedbed_shadow_\w+"), "seedbed_shadow_<number>"),
    (re.compile(r"\b\d+(?:[.,]\d+)? ?(?:[KMGT]i?B)\b"), "<size>"),
    (re.compile(r"\b\d+(?:[.,]\d+)? ?(?:ms|s|seconds?|minutes?)\b"), "<duration>"),
)
_FAR = timedelta(days=60)


@dataclass
class Normalizer:
    """Replaces parts of texts by `replaced`, and whole texts by `whole`. Both may grow during a run."""

    replaced: dict[str, str] = field(default_factory=dict)
    whole: dict[str, str] = field(default_factory=dict)
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def text(self, text: str) -> str:
        if text in self.whole:
            return self.whole[text]
        for found, name in sorted(self.replaced.items(), key=lambda pair: -len(pair[0])):
            text = text.replace(found, name)
        text = _MOMENT.sub(self._moment, text)
        text = _DAY.sub(self._moment, text)
        for pattern, name in _PATTERNS:
            text = pattern.sub(name, text)
        return text

    def value(self, value: Any, *, exact: bool = False) -> Any:
        """Normalize a JSON value. Floats are taken for durations, unless the result is `exact`."""
        match value:
            case str():
                return self.text(value)
            case bool() | None:
                return value
            case float():
                return value if exact else "<number>"
            case int():
                return value
            case list():
                return [self.value(item, exact=exact) for item in value]
            case dict():
                return {self.text(key): self.value(item, exact=exact) for key, item in value.items()}
        raise TypeError(type(value))

    def _moment(self, found: re.Match[str]) -> str:
        """Replace a time near this run by its distance in days. Other times, such as those in seeded rows, stay."""
        try:
            moment = datetime.fromisoformat(found[0].replace(" ", "T"))
        except ValueError:
            return found[0]
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        distance = moment - self.started
        if len(found[0]) == len("2026-12-01"):
            distance = moment.date() - self.started.date()
        if not timedelta(days=-1) < distance < _FAR:
            return found[0]
        return f"<now + {round(distance / timedelta(days=1))} days>"


def shape(value: Any) -> Any:
    """Replace each value in a JSON value by its type."""
    match value:
        case list():
            return [shape(item) for item in value]
        case dict():
            return {key: shape(item) for key, item in value.items()}
    return f"<{type(value).__name__}>"


def folder_names(**folders: Path) -> dict[str, str]:
    return {str(folder): f"<{name}>" for name, folder in folders.items()}
