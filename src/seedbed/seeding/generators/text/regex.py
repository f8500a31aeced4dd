"""Texts that a regular expression matches, counted by their length, so that each has a number."""

import re
import re._constants as signs  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from string import ascii_letters, ascii_lowercase, digits, punctuation
from typing import Any

_ALPHABET = ascii_letters + digits
_PRINTABLE = _ALPHABET + "-_ " + punctuation
_MOST_CHARACTERS = 512
"""Characters of a class that are used."""
_CATEGORIES: Mapping[Any, Callable[[str], bool]] = {
    signs.CATEGORY_DIGIT: str.isdecimal, signs.CATEGORY_SPACE: str.isspace,
    signs.CATEGORY_WORD: lambda character: character.isalnum() or character == "_",
}  # fmt: skip
_NEGATED = {
    signs.CATEGORY_NOT_DIGIT: signs.CATEGORY_DIGIT, signs.CATEGORY_NOT_SPACE: signs.CATEGORY_SPACE,
    signs.CATEGORY_NOT_WORD: signs.CATEGORY_WORD,
}  # fmt: skip
_ENDS = frozenset({signs.AT_END, signs.AT_END_STRING})


class PatternNotSupported(ValueError):
    """A regular expression that Python cannot read, or one with a reference to a group of its own."""


class Pattern:
    """A regular expression. A text is found by its length and a number below `count(length)`.

    Where a text can be read in several ways by the expression, it has several numbers. What the expression says without
    a character of its own, such as a lookahead, is left to `matches`.
    """

    def __init__(self, source: str) -> None:
        try:
            self._compiled = re.compile(source)
            parsed = parser.parse(source)
            self._node = _make_sequence(parsed)
        except (re.error, RecursionError, OverflowError) as error:
            raise PatternNotSupported(str(error)) from error
        if not _ends_with_anchor(parsed):
            self._padded: _Node = _Sequence([self._node, _Repeat(_Characters(ascii_lowercase), 0, None)])
        else:
            self._padded = self._node

    @property
    def shortest(self) -> int:
        return self._node.shortest

    @property
    def longest(self) -> int | None:
        """None where there is no end to its texts."""
        return self._padded.longest

    def count(self, length: int) -> int:
        """How many ways there are to a text of this length."""
        return self._node_of(length).count(length)

    def text(self, length: int, number: int) -> str:
        return self._node_of(length).text(length, number)

    def matches(self, text: str) -> bool:
        return self._compiled.search(text) is not None

    def _node_of(self, length: int) -> "_Node":
        """A text of a length that the expression itself does not give may go on with letters, if it has no end."""
        return self._node if self._node.count(length) else self._padded


class _Node:
    """A part of an expression: what it matches, in the order of its numbers."""

    shortest: int
    longest: int | None

    def count(self, length: int) -> int:
        raise NotImplementedError

    def text(self, length: int, number: int) -> str:
        raise NotImplementedError


class _Characters(_Node):
    def __init__(self, alphabet: str) -> None:
        self.alphabet, self.shortest, self.longest = alphabet, 1, 1

    def count(self, length: int) -> int:
        return len(self.alphabet) if length == 1 else 0

    def text(self, length: int, number: int) -> str:  # noqa: ARG002 - it is 1
        return self.alphabet[number]


class _Sequence(_Node):
    def __init__(self, parts: Sequence[_Node]) -> None:
        self._parts = parts
        self.shortest = sum(part.shortest for part in parts)
        self.longest = _sum_lengths([part.longest for part in parts])
        self._counted: dict[tuple[int, int], int] = {}

    def count(self, length: int) -> int:
        return self._from(0, length)

    def _from(self, at: int, length: int) -> int:
        if at == len(self._parts):
            return int(length == 0)
        if (at, length) not in self._counted:
            part = self._parts[at]
            self._counted[at, length] = sum(
                ways * self._from(at + 1, length - size)
                for size in range(part.shortest, length + 1)
                if (ways := part.count(size))
            )
        return self._counted[at, length]

    def text(self, length: int, number: int) -> str:
        parts = []
        for at, part in enumerate(self._parts):
            for size in range(part.shortest, length + 1):
                ways, rest = part.count(size), self._from(at + 1, length - size)
                if number < ways * rest:
                    break
                number -= ways * rest
            own, number = divmod(number, rest)
            parts.append(part.text(size, own))
            length -= size
        return "".join(parts)


class _Alternatives(_Node):
    def __init__(self, ways: Sequence[_Node]) -> None:
        self._ways = ways
        self.shortest = min(way.shortest for way in ways)
        longest = [way.longest for way in ways]
        self.longest = None if None in longest else max(length for length in longest if length is not None)

    def count(self, length: int) -> int:
        return sum(way.count(length) for way in self._ways)

    def text(self, length: int, number: int) -> str:
        for way in self._ways:
            if number < way.count(length):
                return way.text(length, number)
            number -= way.count(length)
        raise IndexError(number)


class _Repeat(_Node):
    """`most` is None where there is no end to it. An empty repetition counts for nothing."""

    def __init__(self, part: _Node, least: int, most: int | None) -> None:
        self._part = part
        self._least = 0 if part.count(0) else least
        self._most = most
        self.shortest = part.shortest * least
        self.longest = None if most is None or part.longest is None else part.longest * most
        self._counted: dict[tuple[int, int | None, int], int] = {}
        self._firsts: dict[tuple[int, int | None, int], list[tuple[int, int, int]]] = {}

    def count(self, length: int) -> int:
        return self._with(self._least, self._most, length)

    def _with(self, least: int, most: int | None, length: int) -> int:
        """Ways to fill a length with so many repetitions."""
        if isinstance(self._part, _Characters):
            fits = least <= length and (most is None or length <= most)
            return int(len(self._part.alphabet) ** length) if fits else 0
        most = None if most is None or most >= length else most
        key = (least, most, length)
        if key not in self._counted:
            count = int(least == 0 and length == 0)
            self._counted[key] = count + sum(ways * rest for _, ways, rest in self._first(least, most, length))
        return self._counted[key]

    def _first(self, least: int, most: int | None, length: int) -> list[tuple[int, int, int]]:
        """The lengths that the first of the repetitions may have, its ways, and those of the rest."""
        most = None if most is None or most >= length else most
        key = (least, most, length)
        if key not in self._firsts:
            left = None if most is None else most - 1
            self._firsts[key] = [
                (size, ways, self._with(max(least - 1, 0), left, length - size))
                for size in range(max(self._part.shortest, 1), length + 1 if most != 0 else 0)
                if (ways := self._part.count(size))
            ]
        return self._firsts[key]

    def text(self, length: int, number: int) -> str:
        if isinstance(self._part, _Characters):
            return _write_digits(number, self._part.alphabet, length)
        parts, least, most = [], self._least, self._most
        while length:
            firsts, at = self._first(least, most, length), 0
            while number >= (ways := firsts[at][1] * firsts[at][2]):
                number, at = number - ways, at + 1
            size, _, rest = firsts[at]
            own, number = divmod(number, rest)
            parts.append(self._part.text(size, own))
            length, least, most = length - size, max(least - 1, 0), None if most is None else most - 1
        return "".join(parts)


def _write_digits(number: int, alphabet: str, length: int) -> str:
    digits = []
    for _ in range(length):
        number, at = divmod(number, len(alphabet))
        digits.append(alphabet[at])
    return "".join(digits)


def _sum_lengths(lengths: Sequence[int | None]) -> int | None:
    return None if None in lengths else sum(length for length in lengths if length is not None)


def _make_sequence(parsed: Any) -> _Node:
    return _Sequence([node for opcode, argument in parsed if (node := _make_node(opcode, argument)) is not None])


def _make_node(opcode: Any, argument: Any) -> _Node | None:
    if opcode in {signs.AT, signs.ASSERT, signs.ASSERT_NOT}:
        return None
    if opcode is signs.BRANCH:
        return _Alternatives([_make_sequence(way) for way in argument[1]])
    if opcode is signs.SUBPATTERN:
        return _make_sequence(argument[3])
    if opcode is signs.ATOMIC_GROUP:
        return _make_sequence(argument)
    if opcode in {signs.MAX_REPEAT, signs.MIN_REPEAT, signs.POSSESSIVE_REPEAT}:
        least, most, inner = argument
        part = _make_sequence(inner)
        if len(inner) == 1 and isinstance(only := _make_node(*inner[0]), _Characters):
            part = only
        return _Repeat(part, int(least), None if most is signs.MAXREPEAT else int(most))
    if opcode in {signs.LITERAL, signs.NOT_LITERAL, signs.ANY, signs.IN}:
        return _Characters(_find_alphabet(opcode, argument))
    raise PatternNotSupported(str(opcode).lower())


def _find_alphabet(opcode: Any, argument: Any) -> str:
    if opcode is signs.LITERAL:
        return chr(argument)
    if opcode is signs.ANY:
        return _ALPHABET
    if opcode is signs.NOT_LITERAL:
        return _ALPHABET.replace(chr(argument), "")
    return _find_class_characters(tuple((opcode, part) for opcode, part in argument))


@cache
def _find_class_characters(items: tuple[Any, ...]) -> str:
    """The characters of a class in brackets; letters and digits, where they are some of them."""
    if items and items[0][0] is signs.NEGATE:
        refused = items[1:]
        for letters in (_ALPHABET, _PRINTABLE):
            if allowed := "".join(c for c in letters if not any(_contains(item, c) for item in refused)):
                return allowed
    characters = [chr(argument) for opcode, argument in items if opcode is signs.LITERAL]
    for opcode, argument in items:
        if opcode is signs.RANGE:
            characters += map(chr, range(argument[0], min(argument[1], argument[0] + _MOST_CHARACTERS) + 1))
        elif opcode is signs.CATEGORY:
            alphanumeric = [c for c in _ALPHABET if _in_category(argument, c)]
            characters += alphanumeric or [c for c in _PRINTABLE if _in_category(argument, c)]
    if not characters:
        raise PatternNotSupported("a class without characters that can be written")
    return "".join(dict.fromkeys(characters))


def _contains(item: Any, character: str) -> bool:
    opcode, argument = item
    if opcode is signs.LITERAL:
        return bool(ord(character) == argument)
    if opcode is signs.RANGE:
        return bool(argument[0] <= ord(character) <= argument[1])
    return _in_category(argument, character)


def _in_category(category: Any, character: str) -> bool:
    if category in _NEGATED:
        return not _in_category(_NEGATED[category], character)
    return _CATEGORIES[category](character)


def _ends_with_anchor(parsed: Any) -> bool:
    return bool(len(parsed)) and parsed[-1][0] is signs.AT and parsed[-1][1] in _ENDS
