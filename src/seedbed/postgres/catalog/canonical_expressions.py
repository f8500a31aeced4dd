"""Expressions as PostgreSQL prints them after it has read its own print: only that print stays as it is."""

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
    """The same expression in its stable print.

    `kind IN ('cat', 'dog')` of a varchar is printed with a cast round the array, and when that is read again, with a
    cast round each element. `a BETWEEN 1 AND 2 AND b` is printed as one AND inside another, and then as one of three.
    """
    if text is None:
        return None
    if "(ARRAY[" in text:
        text = _CAST_ARRAY.sub(_each_cast, text)
    if "((" in text and (" AND " in text or " OR " in text):
        text = _flattened(text)
    return text


def _each_cast(found: "re.Match[str]") -> str:
    elements = re.findall(_LITERAL, found[1])
    return f"ARRAY[{', '.join(f'({element})::{found[2]}' for element in elements)}]"


@dataclass
class _Group:
    """What stands between two parentheses."""

    parts: "list[str | _Group]" = field(default_factory=list)

    def connectives(self) -> set[str]:
        return {part for part in self.parts if isinstance(part, str) and _connects(part)}

    def flattened(self) -> "_Group":
        own = self.connectives()
        parts = [part.flattened() if isinstance(part, _Group) else part for part in self.parts]
        if len(own) != 1:
            return _Group(parts)
        flat: list[str | _Group] = []
        for position, part in enumerate(parts):
            alone = self._stands_alone(position)
            flat += part.parts if isinstance(part, _Group) and alone and part.connectives() == own else [part]
        return _Group(flat)

    def _stands_alone(self, position: int) -> bool:
        """Whether a part is a whole operand: nothing but a connective, or the group's edge, is beside it."""
        before = [part for part in self.parts[:position] if not (isinstance(part, str) and part.isspace())]
        after = [part for part in self.parts[position + 1 :] if not (isinstance(part, str) and part.isspace())]
        return (not before or _connects(before[-1])) and (not after or _connects(after[0]))

    def written(self) -> str:
        return "".join(part if isinstance(part, str) else f"({part.written()})" for part in self.parts)


def _connects(part: "str | _Group") -> bool:
    return isinstance(part, str) and part in {"AND", "OR"}


def _flattened(text: str) -> str:
    """`((a AND b) AND c)` as `(a AND b AND c)`; what is quoted stays as it is."""
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
    return whole.flattened().written() if len(open_) == 1 else text
