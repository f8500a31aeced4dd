"""What a text column is for, as its name and its table's tell."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Meaning:
    """A way to make a text: `how` is a provider of Faker, or one of the ways of `texts`."""

    how: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = ()


SECRETS = re.compile(r"password|secret|token|api_key|private_key|otp")

_PEOPLE = re.compile(
    r"user|person|people|customer|member|author|employee|contact|patient|student|teacher|guest|driver|player|agent"
    r"|account|profile|recipient|subscriber|staff|candidate|reviewer|buyer|seller|friend|hero"
)
_FIRMS = re.compile(
    r"compan|organi[sz]ation|^org$|tenant|vendor|supplier|brand|manufacturer|store|shop|carrier|publisher|agency|firm"
    r"|workspace|bank|partner|client|merchant"
)
_THINGS = re.compile(r"product|item|article|part|asset|device|equipment|variant|material|good|sku|inventory")

_PLACES = re.compile(r"warehouse|depot|location|site|venue|branch|region|district")

_CHOICES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"(^|_)(payment_)?status$", ("active", "pending", "done", "cancelled")),
    (r"(^|_)state$", ("open", "in progress", "closed")),
    (r"(^|_)priority$", ("low", "normal", "high", "urgent")),
    (r"(^|_)severity$", ("minor", "major", "critical")),
    (r"(^|_)role$", ("member", "editor", "admin")),
    (r"(^|_)(plan|tier)$", ("free", "team", "business")),
    (r"(^|_)(gender|sex)$", ("female", "male", "other")),
    (r"(^|_)size$", ("S", "M", "L", "XL")),
    (r"(^|_)(unit|uom)$", ("piece", "kg", "m", "l")),
    (r"(^|_)(channel|source|medium)$", ("web", "email", "phone", "partner")),
    (r"(^|_)(payment_)?method$", ("card", "transfer", "cash")),
    (r"(^|_)(action|event|verb)(_name|_type)?$", ("created", "updated", "deleted", "viewed")),
    (r"(^|_)(kind|type|category)$", ("standard", "special", "internal", "external")),
    (r"(^|_)level$", ("debug", "info", "warning", "error")),
    (r"(^|_)(encoding|format)$", ("csv", "json", "pdf")),
    (r"(^|_)http_method$", ("GET", "POST", "PUT", "DELETE")),
    (r"(^|_)locale$", ("en_US", "en_GB", "de_DE", "fr_FR", "es_ES", "it_IT")),
    (r"currency", ("EUR", "USD", "GBP", "CHF", "SEK", "JPY")),
    (r"(^|_)(payment_)?provider$", ("stripe", "paypal", "adyen", "klarna")),
    (r"(^|_)(emoji|reaction)$", ("👍", "🎉", "❤️", "👀", "🚀")),
    (r"mime|content_?type|media_?type", ("image/png", "image/jpeg", "application/pdf", "text/csv", "text/plain")),
    (r"(^|_)department$", ("Sales", "Support", "Engineering", "Finance")),
)

_NAMED: tuple[tuple[str, Meaning], ...] = (
    (r"e_?mail", Meaning("email")),
    (r"(^|_)(first|given|fore)_?name$|^first$", Meaning("first_name")),
    (r"(^|_)(last|family|sur)_?name$|^surname$", Meaning("last_name")),
    (r"(^|_)middle_?name$", Meaning("first_name")),
    (r"(^|_)(user|login|nick|screen)_?name$|^(handle|login|username)$", Meaning("handle")),
    (r"(^|_)(full|display|contact|recipient|customer|author|holder|owner|billing|shipping)_?name$", Meaning("person")),
    (r"(^|_)(company|organi[sz]ation|employer|vendor|supplier|brand|carrier)(_?name)?$", Meaning("company")),
    (r"(^|_)host_?name$|(^|_)domain(_name)?$|^host$", Meaning("domain_name")),
    (r"(^|_)file_?name$", Meaning("file_name")),
    (r"(^|_)(file_?)?path$", Meaning("file_path")),
    (r"slug|permalink", Meaning("slug")),
    (r"avatar|image|photo|picture|thumbnail|logo", Meaning("picture")),
    (r"(^|_)(url|uri|website|homepage|link|webhook|endpoint)$|^web_?site", Meaning("address")),
    (r"phone|mobile|(^|_)(tel|fax)$", Meaning("phone")),
    (r"(^|_)(city|town)$", Meaning("city")),
    (r"country_?code|(^|_)iso_?code$", Meaning("country_code")),
    (r"(^|_)country$", Meaning("country")),
    (r"(^|_)(region|province|county)$", Meaning("state")),
    (r"zip|post(al)?_?code", Meaning("postcode")),
    (r"address_?(line_?)?2|(^|_)line_?2$", Meaning("secondary_address")),
    (r"street|address|(^|_)line_?1$", Meaning("street")),
    (r"(^|_)ip(_?addr(ess)?)?$|remote_addr", Meaning("ipv4")),
    (r"user_?agent", Meaning("user_agent")),
    (r"time_?zone|(^|_)tz$", Meaning("timezone")),
    (r"(^|_)lang(uage)?(_code)?$", Meaning("language_code")),
    (r"colou?r", Meaning("hex_color")),
    (r"iban", Meaning("iban")),
    (r"(^|_)(swift|bic)$", Meaning("swift")),
    (r"isbn", Meaning("isbn13")),
    (r"(^|_)(ean|barcode|gtin)$", Meaning("ean13")),
    (r"(^|_)vat(_number|_id)?$|tax_(id|number)", Meaning("code", {"text": "??#########"})),
    (r"license_?plate", Meaning("license_plate")),
    (r"password|passwd", Meaning("sha256")),
    (r"(^|_)(hash|checksum|digest|sha(1|256)?|etag|fingerprint|token|secret|key)$|api_key", Meaning("sha256")),
    (r"(^|_)version$", Meaning("code", {"text": "#.#.#"})),
    (r"_(uid|uuid|id)$", Meaning("code", {"text": "????????####"})),
    (r"(^|_)prefix$", Meaning("code", {"text": "????"})),
    (r"(^|_)alt(_text)?$", Meaning("sentence", {"nb_words": 5})),
    (r"(^|_)(sku|code|ref|reference|number|serial|tracking(_number)?|voucher|coupon)$", Meaning("code")),
    (r"job|position|occupation|profession", Meaning("job")),
    (r"(^|_)(bio|biography|about|description|details|body|content|text|message|notes?|comments?|summary|excerpt|reason"
     r"|instructions|answer|abstract|terms|review)$", Meaning("paragraph", {"nb_sentences": 2})),
    (r"title|subject|headline|caption|question|topic", Meaning("sentence", {"nb_words": 5})),
    (r"(^|_)(label|tag|keyword|term|attribute|property)$", Meaning("word")),
)  # fmt: skip


def meaning_of(table: str, column: str) -> Meaning:
    """What a text column's name suggests; a plain `name` is its table's."""
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", column).lower()
    own = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", table).lower()
    if name == "name" and re.search(r"(^|_)countr(y|ies)$", own):
        return Meaning("country")
    if name == "name" and re.search(r"(^|_)(status|stage|state)$", own):
        return Meaning("choice", words=("Open", "In progress", "In review", "Blocked", "Done"))
    if name == "url" and re.search(r"image|photo|picture", own):
        return Meaning("picture")
    for pattern, meaning in _NAMED:
        if re.search(pattern, name):
            return meaning
    for pattern, words in _CHOICES:
        if re.search(pattern, name):
            return Meaning("choice", words=words)
    if name.endswith("name"):
        return _name(f"{table}_{name.removesuffix('name').strip('_')}".lower())
    return Meaning("sentence", {"nb_words": 4})


def _name(of: str) -> Meaning:
    last = of.strip("_").rpartition("_")[2]
    for pattern, how in ((_PEOPLE, "person"), (_FIRMS, "company"), (_THINGS, "thing"), (_PLACES, "city")):
        if pattern.search(last):
            return Meaning(how)
    return Meaning("label")
