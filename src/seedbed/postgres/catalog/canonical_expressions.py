"""The canonical form of expressions: how PostgreSQL prints them once it has parsed its own output."""

import re
from dataclasses import dataclass, field
from typing import overload

_LITERAL = r"'(?:[^']|'')*'::[a-z ]+"
_CAST_ARRAY = re.compile(rf"\(ARRAY\[({_LITERAL}(?:, {_LITERAL})*)\]\)::([a-z ]+)\[\]")
_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[()]|\s+|\w+|.", re.DOTALL)


@overload
def canonicalize(text: str) -> str: ...
@overload
def canonicalize(text: str | None) -> str | None: ...
def canonicalize(text: str | None) -> str | None:
    """The expression in its canonical form, which PostgreSQL prints again unchanged.

    `kind IN ('cat', 'dog')` of a varchar is printed with a cast of the array, and once that is parsed, with a cast of
    each element. `a BETWEEN 1 AND 2 AND b` is printed as an AND of two that holds another, then as an AND of three.
    """
    if text is None:
        return None
    if "(ARRAY[" in text:
        text = _CAST_ARRAY.sub(_cast_each_element, text)
    if "((" in text and (" AND " in text or " OR " in text):
        text = _flatten(text)
    return text


def _cast_each_element(match: "re.Match[str]") -> str:
    elements = re.findall(_LITERAL, match[1])
    return f"ARRAY[{', '.join(f'({element})::{match[2]}' for element in elements)}]"


@dataclass
class _Group:
    """The text between two parentheses, with nested groups."""

    parts: "list[str | _Group]" = field(default_factory=list)

    def connectives(self) -> set[str]:
        return {part for part in self.parts if isinstance(part, str) and _is_connective(part)}

    def flatten(self) -> "_Group":
        own = self.connectives()
        parts = [part.flatten() if isinstance(part, _Group) else part for part in self.parts]
        if len(own) != 1:
            return _Group(parts)
        flat: list[str | _Group] = []
        for position, part in enumerate(parts):
            is_operand = self._is_whole_operand(position)
            flat += part.parts if isinstance(part, _Group) and is_operand and part.connectives() == own else [part]
        return _Group(flat)

    def _is_whole_operand(self, position: int) -> bool:
        """Whether a part is a whole operand, with a connective or the edge of the group on either side."""
        before = [part for part in self.parts[:position] if not (isinstance(part, str) and part.isspace())]
        after = [part for part in self.parts[position + 1 :] if not (isinstance(part, str) and part.isspace())]
        return (not before or _is_connective(before[-1])) and (not after or _is_connective(after[0]))

    def to_text(self) -> str:
        return "".join(part if isinstance(part, str) else f"({part.to_text()})" for part in self.parts)


def _is_connective(part: "str | _Group") -> bool:
    return isinstance(part, str) and part in {"AND", "OR"}


def _flatten(text: str) -> str:
    """`((a AND b) AND c)` as `(a AND b AND c)`; quoted text stays unchanged."""
    whole = _Group()
    open_: list[_Group] = [whole]
    for part in _TOKEN.findall(text):
        if part == "(":
            inner = _Group()
            open_[-1].parts.append(inner)
            open_.append(inner)
        elif part == ")" and len(open_) > 1:
            open_.pop()
        else:
            open_[-1].parts.append(part)
    return whole.flatten().to_text() if len(open_) == 1 else text
