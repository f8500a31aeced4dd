"""Regular expressions of PostgreSQL as Python has them."""

import re

_CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "xdigit": "0-9a-fA-F",
    "space": r"\s", "blank": r" \t", "punct": r"!-/:-@\[-`{-~", "word": r"\w", "print": " -~", "graph": "!-~",
}  # fmt: skip
_CLASS = re.compile(r"\[:(\w+):\]")
_BOUNDARY = re.compile(r"\\(\\|[mMyY])")
_SIMILAR = re.compile(r"\\.|\[[^\]]*\]|.", re.DOTALL)


def from_postgres(pattern: str) -> str:
    """An expression as `~` takes it: Python has other names for classes and for the ends of words."""
    named = _CLASS.sub(lambda found: _CLASSES.get(found[1], found[0]), pattern)
    return _BOUNDARY.sub(lambda found: {"\\": r"\\", "Y": r"\B"}.get(found[1], r"\b"), named)


def from_similar_to(pattern: str) -> str:
    """An expression as SIMILAR TO takes it, which is about the whole text."""
    signs = {"%": ".*", "_": ".", ".": r"\.", "^": r"\^", "$": r"\$"}
    parts = (signs.get(part, part) for part in _SIMILAR.findall(pattern))
    return f"^(?:{from_postgres(''.join(parts))})$"
