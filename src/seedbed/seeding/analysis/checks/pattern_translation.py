"""Translate PostgreSQL's regular expressions and LIKE patterns to Python's `re`."""

import re
from dataclasses import dataclass

from seedbed.seeding.analysis.checks.vectors import NotUnderstood

_CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z", "xdigit": "0-9A-Fa-f",
    "space": r" \t\n\r\f\v", "blank": r" \t", "word": r"\w", "punct": r"!-/:-@\[-`{-~",
    "print": " -~", "graph": "!-~",
}  # fmt: skip
_LOCAL = frozenset("dswDSW")
"""Escapes that the locale gives a meaning."""
_SAME = frozenset("AZntrfv")
"""Escapes that mean the same in both."""
_WORD_ENDS = {"y": r"\b", "Y": r"\B", "m": r"\b(?=\w)", "M": r"\b(?<=\w)"}
"""Escapes for the beginning and the end of a word, which Python names otherwise."""
_SIMILAR = re.compile(r"\\.|\[[^\]]*\]|.", re.DOTALL)
_GROUPS = ("(?:", "(?=", "(?!", "(?<=", "(?<!")
_IN_BRACKETS = {"[": r"\[", "&": r"\&", "|": r"\|", "~": r"\~"}


@dataclass(frozen=True)
class Pattern:
    """`ascii_only` where the locale says what a letter outside of ASCII is to it."""

    compiled: re.Pattern[str]
    ascii_only: bool

    def knows(self, text: str) -> bool:
        """Whether the answer for a text is the same here as there."""
        return "\n" not in text and (text.isascii() or not self.ascii_only)


def regular_expression(pattern: str, *, ignore_case: bool = False) -> Pattern:
    """Read an expression of `~` or `~*`.

    Raises:
        NotUnderstood: something in it has another meaning in Python, or none.
    """
    words, local = translate(pattern)
    try:
        compiled = re.compile(words, re.DOTALL | re.ASCII | (re.IGNORECASE if ignore_case else 0))
    except (re.error, OverflowError) as error:
        raise NotUnderstood(pattern) from error
    return Pattern(compiled, local or ignore_case or bool(compiled.flags & re.IGNORECASE))


def like_pattern(pattern: str, *, ignore_case: bool = False) -> Pattern:
    """Read the pattern of LIKE or ILIKE, in which a backslash takes the meaning off a sign.

    Raises:
        NotUnderstood: it ends in a backslash, which PostgreSQL refuses.
    """
    made, signs = [], iter(pattern)
    for sign in signs:
        if sign == "\\":
            following = next(signs, None)
            if following is None:
                raise NotUnderstood(pattern)
            made.append(re.escape(following))
        else:
            made.append({"%": ".*", "_": "."}.get(sign) or re.escape(sign))
    flags = re.DOTALL | (re.IGNORECASE | re.ASCII if ignore_case else 0)
    return Pattern(re.compile("".join(["(?:", *made, r")\Z"]), flags), ignore_case)


def from_similar_to(pattern: str) -> str:
    """The expression of `~` for what SIMILAR TO takes, which is about the whole text."""
    signs = {"%": ".*", "_": ".", ".": r"\.", "^": r"\^", "$": r"\$"}
    return f"^(?:{''.join(signs.get(part, part) for part in _SIMILAR.findall(pattern))})$"


def translate(pattern: str) -> tuple[str, bool]:
    """An expression in Python's words, and whether it depends on the locale.

    Raises:
        NotUnderstood: something in it has another meaning in Python, or none.
    """
    made: list[str] = []
    at, local = 0, False
    if pattern.startswith("(?i)"):
        made, at = ["(?i)"], 4
    elif pattern.startswith("***"):
        raise NotUnderstood(pattern)
    while at < len(pattern):
        sign, rest = pattern[at], pattern[at:]
        if sign == "\\":
            word, depends = _escape(pattern, at)
            made.append(word)
            local, at = local or depends, at + 2
            continue
        if sign == "[":
            word, at, depends = _brackets(pattern, at)
            made.append(word)
            local = local or depends
            continue
        if sign == "(" and rest.startswith("(?") and not rest.startswith(_GROUPS):
            raise NotUnderstood(pattern)
        if sign == "{" and not re.match(r"\{\d+(,\d*)?\}", rest):
            raise NotUnderstood(pattern)
        if sign == "+" and at and pattern[at - 1] in "*+?}" and not pattern[:at].endswith("\\" + pattern[at - 1]):
            raise NotUnderstood(pattern)
        made.append(sign)
        at += 1
    return "".join(made), local


def _escape(pattern: str, at: int) -> tuple[str, bool]:
    following = pattern[at + 1 : at + 2]
    if following in _LOCAL and following:
        return f"\\{following}", True
    if following in _SAME and following:
        return f"\\{following}", False
    if following in _WORD_ENDS:
        return _WORD_ENDS[following], True
    if re.match(r"[1-9](?!\d)", pattern[at + 1 :]):  # a group that was matched before
        return f"\\{following}", False
    if not following or following.isalnum():
        raise NotUnderstood(pattern)
    return re.escape(following), False


def _brackets(pattern: str, start: int) -> tuple[str, int, bool]:
    """A set of characters, where the text goes on after it, and whether it depends on the locale."""
    made, at, local = ["["], start + 1, False
    if pattern[at : at + 1] == "^":
        made.append("^")
        at += 1
    first = True
    while at < len(pattern) and (first or pattern[at] != "]"):
        first = False
        sign = pattern[at]
        if named := re.match(r"\[:(\w+):\]", pattern[at:]):
            if named[1] not in _CLASSES:
                raise NotUnderstood(pattern)
            made.append(_CLASSES[named[1]])
            local, at = True, at + named.end()
        elif pattern[at : at + 2] in {"[.", "[=", "[:"}:
            raise NotUnderstood(pattern)
        elif sign == "\\":
            word, depends = _escape(pattern, at)
            if word in {*_WORD_ENDS.values(), r"\A", r"\Z"}:
                raise NotUnderstood(pattern)
            made.append(word)
            local, at = local or depends, at + 2
        else:
            made.append(_IN_BRACKETS.get(sign, r"\]" if sign == "]" else sign))
            at += 1
    if at >= len(pattern):
        raise NotUnderstood(pattern)
    return "".join([*made, "]"]), at + 1, local
