"""Codes and other texts of a fixed format, such as IBANs with their check digits."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from string import ascii_letters, ascii_lowercase, ascii_uppercase, digits
from typing import Any

import numpy as np

from seedbed.seeding.core.column_batch import Batch, Joined, Objects
from seedbed.seeding.generators.column_generator import ColumnGenerator, ColumnRequest, make_shortage

HEX = "0123456789abcdef"
_ALPHABETS = {"?": ascii_uppercase, "~": ascii_lowercase, "#": digits, "^": HEX}
_CHARACTERS_PER_WORD = 8
"""How many signs of the larger alphabets a word of 64 bits is enough for."""
_MOST = 2**62
"""What a permutation takes; the places of a code beyond are drawn by chance."""


def generate_letters(request: ColumnRequest, length: int) -> ColumnGenerator:
    """Letters in a random order without repeats."""
    generator = generate_code(request, [ascii_uppercase] * length)
    return replace(generator, description=f"{length} letters{', unique' if request.is_unique else ''}")


def generate_codes(request: ColumnRequest, pattern: str, longest: int | None) -> ColumnGenerator:
    """Letters for ? and digits for #, in a random order without repeats; longer where unique ones need it."""
    while request.is_unique and count_codes(parse_pattern(pattern)) < request.required_count:
        pattern += "#"
    if longest is not None and len(pattern) > longest:
        pattern = "?" * longest
    pattern += "#" * max(0, request.table.value_constraints[request.name].shortest - len(pattern))
    return generate_code(request, parse_pattern(pattern))


def generate_code(
    request: ColumnRequest, alphabets: Sequence[str], complete: Callable[[str], str] | None = None
) -> ColumnGenerator:
    """A sign of each alphabet. `complete` puts in what follows from the others, such as check digits."""
    size = count_codes(alphabets)
    if request.is_unique and request.prepared_count > size:
        return make_shortage(request, size)
    free = [(at, alphabet) for at, alphabet in enumerate(alphabets) if len(alphabet) > 1]
    drawn = []
    while count_codes([alphabet for _, alphabet in free]) > _MOST:
        drawn.append(free.pop(0))
    size = count_codes([alphabet for _, alphabet in free])
    first = np.frombuffer("".join(alphabet[0] for alphabet in alphabets).encode("utf-32-le"), dtype=np.uint32)

    def make(rows: range) -> Batch:
        numbers = request.stream.permutation(size, request.places(rows) % size)
        letters = np.tile(first, (len(rows), 1))
        for at, alphabet in reversed(free):
            numbers, signs = numbers // len(alphabet), numbers % len(alphabet)
            letters[:, at] = _encode_alphabet(alphabet)[signs]
        for start in range(0, len(drawn), _CHARACTERS_PER_WORD):
            words = request.stream.substream(f"sign {start}").words(rows)
            for at, alphabet in drawn[start : start + _CHARACTERS_PER_WORD]:
                base = np.uint64(len(alphabet))
                words, signs = words // base, (words % base).astype(np.int64)
                letters[:, at] = _encode_alphabet(alphabet)[signs]
        joined, width = letters.tobytes().decode("utf-32-le"), len(alphabets)
        texts = [joined[start : start + width] for start in range(0, len(joined), width)]
        return Objects(None, texts if complete is None else [*map(complete, texts)])

    return ColumnGenerator(
        request.name, f"a code like {_make_example(alphabets, complete)}{', unique' if request.is_unique else ''}", make
    )


def parse_pattern(pattern: str) -> list[str]:
    """The alphabets of a pattern: # is a digit, ? a capital, ~ a small letter and ^ a digit of a hexadecimal number,
    unless a backslash stands before it.
    """
    return [_ALPHABETS.get(sign, sign.removeprefix("\\")) for sign in re.findall(r"\\.|.", pattern)]


def count_codes(alphabets: Sequence[str]) -> int:
    """How many codes there are."""
    return prod(map(len, alphabets))


def _encode_alphabet(alphabet: str) -> "np.typing.NDArray[np.uint32]":
    return np.frombuffer(alphabet.encode("utf-32-le"), dtype=np.uint32)


def _make_example(alphabets: Sequence[str], complete: Callable[[str], str] | None) -> str:
    text = "".join(alphabet[alphabet in {digits, HEX}] for alphabet in alphabets if alphabet)
    return text if complete is None else complete(text)


@dataclass(frozen=True)
class TextFormat:
    """`text` is a pattern of codes; `complete` puts in its check digits, which `text` has noughts for."""

    text: str
    complete: Callable[[str], str] | None = None


def generate_formatted(request: ColumnRequest, form: str) -> ColumnGenerator | None:
    """Fill a column with texts of a form; None where the column has no room for it, or wants longer ones.

    Raises:
        TooFewUniqueValues: none may repeat, and the form does not give as many as are needed.
    """
    constraints = request.table.value_constraints[request.name]
    if form == "ipv4":
        return _generate_ipv4(request, constraints.longest) if not constraints.shortest else None
    if form in _DIGESTS:
        width = min(
            max(_DIGESTS[form], constraints.shortest), constraints.longest or constraints.shortest + _DIGESTS[form]
        )
        return generate_code(request, [HEX] * width) if width >= _SHORTEST_DIGEST else None
    for text_format in FORMATS[form]:
        alphabets = parse_pattern(text_format.text)
        if constraints.shortest <= len(alphabets) <= (constraints.longest or len(alphabets)):
            return generate_code(request, alphabets, text_format.complete)
    return None


def generate_as_provider(request: ColumnRequest, provider: str, arguments: Mapping[str, Any]) -> ColumnGenerator | None:
    """The same as a provider of Faker would have it; None of a provider whose form is not known."""
    if provider in {"numerify", "bothify", "lexify", "hexify"}:
        return _generate_from_pattern(request, provider, dict(arguments))
    form = _PROVIDERS.get(provider, provider)
    if arguments or form not in {*FORMATS, *_DIGESTS, "ipv4"}:
        return None
    return generate_formatted(request, form)


def _generate_from_pattern(request: ColumnRequest, provider: str, arguments: dict[str, Any]) -> ColumnGenerator | None:
    """What Faker puts signs of alphabets into. Signs that may be left out are none of an alphabet."""
    standard = {"numerify": "###", "bothify": "## ??", "lexify": "????", "hexify": "^^^^"}
    text = str(arguments.pop("text", standard[provider]))
    letters = str(arguments.pop("letters", ascii_letters))
    upper = bool(arguments.pop("upper", False))
    signs = {
        "numerify": {"#": digits, "%": digits[1:]}, "bothify": {"#": digits, "%": digits[1:], "?": letters},
        "lexify": {"?": letters}, "hexify": {"^": HEX.upper() if upper else HEX},
    }[provider]  # fmt: skip
    longest = request.table.value_constraints[request.name].longest
    optional = provider in {"numerify", "bothify"} and not set("!@").isdisjoint(text)
    if arguments or optional or not text or len(text) > (longest or len(text)):
        return None
    if request.ignores_case:
        signs = {sign: "".join(dict.fromkeys(alphabet.lower())) for sign, alphabet in signs.items()}
    return generate_code(request, [signs.get(sign, sign) for sign in text])


def _generate_ipv4(request: ColumnRequest, longest: int | None) -> ColumnGenerator | None:
    """Addresses of a private network, 10.0.0.0/8."""
    width = 3 if longest is None else min((longest - len("10...")) // 3, 3)
    if width < 1:
        return None
    base = min(10**width, 256)
    if request.is_unique and request.prepared_count > base**3:
        return make_shortage(request, base**3)

    def make(rows: range) -> Batch:
        numbers = request.stream.permutation(base**3, request.places(rows) % base**3)
        octets = [numbers // base**2, numbers // base % base, numbers % base]
        return Joined(None, len(rows), ("10.", octets[0].astype(np.int64), ".", octets[1], ".", octets[2]))

    return ColumnGenerator(request.name, f"an address like 10.1.1.1{', unique' if request.is_unique else ''}", make)


def _complete_iban(text: str) -> str:
    """Check digits by ISO 7064, after the country."""
    number = int(f"{text[4:]}{text[:2]}00".translate(_NUMBERS_OF_LETTERS))
    return f"{text[:2]}{98 - number % 97:02}{text[4:]}"


def _complete_ean(text: str) -> str:
    """The last digit by GS1: from the right, every other digit counts three times."""
    numbers = [int(sign) for sign in text if sign.isdigit()][:-1]
    total = sum(number * (3 if at % 2 == 0 else 1) for at, number in enumerate(reversed(numbers)))
    return f"{text[:-1]}{-total % 10}"


def _complete_isbn10(text: str) -> str:
    numbers = [int(sign) for sign in text if sign.isdigit()][:-1]
    left = -sum(number * (10 - at) for at, number in enumerate(numbers)) % 11
    return f"{text[:-1]}{'X' if left == 10 else left}"  # noqa: PLR2004 - as ISO 2108 writes it


def _complete_luhn(text: str) -> str:
    numbers = [int(sign) for sign in text][:-1]
    doubled = (2 * number if at % 2 == 0 else number for at, number in enumerate(reversed(numbers)))
    return f"{text[:-1]}{-sum(number // 10 + number % 10 for number in doubled) % 10}"


_NUMBERS_OF_LETTERS = str.maketrans({letter: str(int(letter, 36)) for letter in ascii_uppercase})
_DIGESTS = {"sha256": 64, "sha1": 40, "md5": 32}
_SHORTEST_DIGEST = 6
FORMATS: Mapping[str, tuple[TextFormat, ...]] = {
    "mac_address": (TextFormat("02:^^:^^:^^:^^:^^"), TextFormat("02^^^^^^^^^^")),
    "hex_color": (TextFormat(r"\#^^^^^^"), TextFormat("^^^^^^"), TextFormat(r"\#^^^"), TextFormat("^^^")),
    "ipv6": (TextFormat("2001:db8:1:1:^^^^:^^^^:^^^^:^^^^"), TextFormat("2001:db8::^^^^:^^^^")),
    "iban": (TextFormat("GB00????##############", _complete_iban),),
    "isbn13": (TextFormat("978-#-##-######-0", _complete_ean), TextFormat("978#########0", _complete_ean)),
    "isbn10": (TextFormat("#-##-######-0", _complete_isbn10), TextFormat("#########0", _complete_isbn10)),
    "ean13": (TextFormat("############0", _complete_ean),),
    "ean8": (TextFormat("#######0", _complete_ean),),
    "card_number": (TextFormat("4##############0", _complete_luhn),),
    "swift": (TextFormat("????GB??"),),
    "ssn": (TextFormat("###-##-####"), TextFormat("#########")),
    "license_plate": (TextFormat("???-####"), TextFormat("???####"), TextFormat("???###")),
    "uuid4": (TextFormat("^^^^^^^^-^^^^-4^^^-8^^^-^^^^^^^^^^^^"), TextFormat("^^^^^^^^^^^^4^^^8^^^^^^^^^^^^^^^")),
    "postcode": (TextFormat("#####"),),
    "msisdn": (TextFormat("#############"),),
    "phone_number": (TextFormat("+1-###-###-####"), TextFormat("###-###-####"), TextFormat("##########")),
}
_PROVIDERS = {
    "ean": "ean13", "color": "hex_color", "zipcode": "postcode", "ipv4_private": "ipv4", "swift8": "swift",
    "credit_card_number": "card_number",
}  # fmt: skip
"""Providers by another name than their form's."""
