"""The role of a text column, by its name and the name of its table."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seedbed.seeding.analysis.table_spec import TableSpec
from seedbed.seeding.core.word_lists import get_words as word_list


@dataclass(frozen=True)
class ColumnRole:
    """What a text column holds: `how` is a Faker provider, a generator of `text_columns`, or the name of a phrase."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = ()


SECRETS = re.compile(r"password|secret|token|api_key|private_key|otp")

_PEOPLE = re.compile(
    r"user|person|people|customer|member|author|employee|contact|patient|student|teacher|guest|driver|player|agent"
    r"|account|profile|recipient|subscriber|staff|candidate|reviewer|buyer|seller|friend|hero|sender|receiver|manager|owner"
)
_COMPANIES = re.compile(
    r"compan|organi[sz]ation|^org$|tenant|vendor|supplier|brand|manufacturer|store|shop|carrier|publisher|agency|firm"
    r"|workspace|bank|partner|client|merchant|clinic|hospital|practice|school"
)
_THINGS = re.compile(r"product|item|article|part|asset|device|equipment|variant|material|good|sku|inventory")

_PLACES = re.compile(r"warehouse|depot|location|site|venue|branch|region|district")
_TASKS = re.compile(r"task|todo|issue|ticket|stor(y|ies)$|bug|card$|epic|activit|^job|work_?item|assignment")

_NAME_ROLES: tuple[tuple[str, str], ...] = (
    (r"project|campaign|initiative|program(me)?s?$|portfolio", "project"),
    (r"team|group|squad|department|division|board$", "team"),
    (r"categor|collection|genre|department|catalog|section|aisle", "category"),
    (r"event|conference|meetup|webinar|session|workshop", "event"),
    (r"milestone|release|phase", "milestone"),
    (r"recipe|dish|meal|food|menu_?item", "dish"),
    (r"(^|_)(api_?)?key|token|webhook|integration", "access"),
    (r"(^|_)(tag|keyword)s?$|label", "tag"),
    (r"course|lesson|book|article|post|page|document|playlist|chapter|podcast|video", "article"),
)
_TITLE_ROLES: tuple[tuple[str, str], ...] = (
    (r"recipe|dish|meal", "dish"),
    (r"review|rating|feedback|testimonial", "verdict"),
    (r"milestone|release", "milestone"),
    (r"project|campaign", "project"),
    (r"event|meetup|webinar|session|workshop", "event"),
)
_TEXT_ROLES: tuple[tuple[str, str], ...] = (
    (r"review|rating|feedback|testimonial", "review text"),
    (r"comment|repl(y|ies)|answer", "comment"),
    (r"message|notification|chat|mail|alert", "message"),
    (r"article|post|page|document|news|book|course|lesson|event|chapter|podcast|video", "article text"),
)

_ROLES_BY_TYPE = {"EmailStr": "email", "Url": "address", "IPv4": "ipv4", "IPv6": "ipv6", "UUID": "uuid4"}

_STAGES = ("To do", "In progress", "In review", "Blocked", "Done")
_FIELDS = (
    "Severity", "Component", "Customer", "Quarter", "Effort", "Region", "Channel", "Risk", "Owner", "Approved by",
)  # fmt: skip
_CHOICES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"blood_?(type|group)$", ("A+", "A-", "B+", "B-", "AB+", "AB-", "0+", "0-")),
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
    (r"(^|_)department$", ("Sales", "Support", "Engineering", "Finance")),
    (r"(^|_)(carrier|shipping_method)(_name)?$", ("DHL", "UPS", "FedEx", "DPD", "GLS")),
    (r"(^|_)(salutation|honorific)$", ("Ms", "Mr", "Dr")),
    (r"(^|_)nationality$", ("American", "British", "German", "French", "Spanish", "Italian", "Polish", "Japanese")),
    (
        r"(^|_)(medication|drug|medicine)(_name)?$",
        (
            "Ibuprofen",
            "Amoxicillin",
            "Metformin",
            "Paracetamol",
            "Omeprazole",
            "Salbutamol",
            "Amlodipine",
            "Cetirizine",
        ),
    ),
    (r"(^|_)allerg(y|ies)$", ("Penicillin", "Peanuts", "Pollen", "Latex", "Lactose", "Bee stings")),
    (r"(^|_)(network|card_brand|card_type)$", ("Visa", "Mastercard", "American Express", "Maestro")),
    (r"(^|_)frequency$", ("once daily", "twice daily", "three times daily", "weekly", "as needed")),
    (r"(^|_)letter(_grade)?$", ("A", "B", "C", "D", "F")),
    (r"^symbol$", ("$", "€", "£", "¥", "Fr", "kr")),
    (r"^make$", ("Toyota", "Volkswagen", "Ford", "Renault", "Honda", "Volvo", "Skoda", "Fiat")),
)

_MACHINES = re.compile(r"device$|sensor$|machine$|gateway$|server$|camera$|meter$|printer$")
_SUBJECTS = (
    (r"(^|_)subject$", ("Mathematics", "Biology", "Chemistry", "Physics", "History", "Geography", "English", "French",
     "German", "Music", "Art", "Physical education", "Computer science", "Economics", "Ethics", "Literature")),
    (r"(^|_)special(ty|ity|ism)$", ("Cardiology", "Dermatology", "Neurology", "Orthopedics", "Pediatrics", "Radiology",
     "Oncology", "Psychiatry", "Urology", "Gynecology", "Ophthalmology", "General practice")),
)  # fmt: skip
_REASONS = (
    (r"refund|return|rma|claim|complaint", ()),
    (r"declin|reject|fail", ("Insufficient funds", "Card expired", "Limit exceeded", "Suspected fraud", "Wrong PIN")),
    (r"cancel", ("Not needed any more", "Found another date", "Booked by mistake", "Illness", "No reason given")),
    (r"appointment|visit|consultation|encounter", ("Check-up", "Follow-up", "Consultation", "Vaccination", "Referral")),
    (r"absence|leave", ("Vacation", "Illness", "Parental leave", "Training", "Family matters")),
    (r"order|purchase|shipment|delivery", ()),
)
_COLOR = re.compile(r"colou?r")
_ROLES_BY_NAME: tuple[tuple[str, ColumnRole], ...] = (
    (r"e_?mail", ColumnRole("email")),
    (r"(^|_)(first|given|fore)_?name$|^first$", ColumnRole("first_name")),
    (r"(^|_)(last|family|sur)_?name$|^surname$", ColumnRole("last_name")),
    (r"(^|_)middle_?name$", ColumnRole("first_name")),
    (r"(^|_)(user|login|nick|screen)_?name$|^(handle|login|username)$", ColumnRole("handle")),
    (r"(^|_)(full|display|contact|recipient|customer|author|holder|owner|billing|shipping)_?name$",
     ColumnRole("person")),
    (r"(^|_)(guardian|principal|parent)_?name$|^author$", ColumnRole("person")),
    (r"(^|_)(company|organi[sz]ation|employer|vendor|supplier|brand)(_?name)?$", ColumnRole("company")),
    (r"(^|_)(manufacturer|publisher)(_?name)?$", ColumnRole("company")),
    (r"native_language$|^language(_name)?$", ColumnRole("language_name")),
    (r"(^|_)last_?(four|4)$", ColumnRole("code", {"text": "####"})),
    (r"(^|_)card_?number$|(^|_)pan$", ColumnRole("card_number")),
    (r"merchant_category(_code)?$|(^|_)mcc$", ColumnRole("code", {"text": "5###"})),
    (r"^entity_type$|^resource_type$", ColumnRole("choice", words=("user", "order", "account", "document"))),
    (r"^actor$", ColumnRole("handle")),
    (r"(^|_)building$", ColumnRole("choice", words=("Main building", "North wing", "South wing", "Annex"))),
    (r"icd_?(9|10)?(_code)?$", ColumnRole("code", {"text": "?##.#"})),
    (r"^mrn$", ColumnRole("code", {"text": "########"})),
    (r"^room_?(number|no)$", ColumnRole("code", {"text": "###"})),
    (r"(^|_)host_?name$|(^|_)domain(_name)?$|^host$", ColumnRole("host")),
    (r"(^|_)file_?name$", ColumnRole("file")),
    (r"mime|content_?type|media_?type", ColumnRole("media type")),
    (r"(^|_)(file_?)?path$", ColumnRole("file_path")),
    (r"slug|permalink", ColumnRole("slug")),
    (r"avatar|image|photo|picture|thumbnail|logo", ColumnRole("picture")),
    (r"(^|_)(url|uri|website|homepage|link|webhook|endpoint)$|^web_?site", ColumnRole("address")),
    (r"phone|mobile|(^|_)(tel|fax)$", ColumnRole("phone")),
    (r"(^|_)(city|town)$", ColumnRole("city")),
    (r"country_?code|(^|_)iso_?code$", ColumnRole("country_code")),
    (r"(^|_)country$", ColumnRole("country")),
    (r"(^|_)(region|province|county)$", ColumnRole("state")),
    (r"zip|post(al)?_?code", ColumnRole("postcode")),
    (r"address_?(line_?)?2|(^|_)line_?2$", ColumnRole("secondary_address")),
    (r"(^|_)ip(v4)?(_?addr(ess)?)?$|remote_addr", ColumnRole("ipv4")),
    (r"(^|_)mac(_?addr(ess)?)?$", ColumnRole("mac_address")),
    (r"(^|_)ssn$|social_security", ColumnRole("ssn")),
    (r"street|address|(^|_)line_?1$", ColumnRole("street")),
    (r"user_?agent", ColumnRole("user_agent")),
    (r"time_?zone|(^|_)tz$", ColumnRole("timezone")),
    (r"(^|_)lang(uage)?(_code)?$", ColumnRole("language_code")),
    (_COLOR.pattern, ColumnRole("hex_color")),
    (r"iban", ColumnRole("iban")),
    (r"(^|_)(swift|bic)(_code)?$", ColumnRole("swift")),
    (r"isbn", ColumnRole("isbn13")),
    (r"(^|_)(ean|barcode|gtin)$", ColumnRole("ean13")),
    (r"(^|_)vat(_number|_id)?$|tax_(id|number)", ColumnRole("code", {"text": "??#########"})),
    (r"license_?plate", ColumnRole("license_plate")),
    (r"password|passwd", ColumnRole("sha256")),
    (r"(^|_)(hash|checksum|digest|sha(1|256)?|etag|fingerprint|token|secret|key)$|api_key", ColumnRole("sha256")),
    (r"(^|_)version$", ColumnRole("code", {"text": "#.#.#"})),
    (r"(^|_)(uuid|guid)$", ColumnRole("uuid4")),
    (r"_(uid|id)$", ColumnRole("code", {"text": "????????####"})),
    (r"(^|_)prefix$", ColumnRole("code", {"text": "????"})),
    (r"(^|_)alt(_text)?$", ColumnRole("product")),
    (r"(^|_)(sku|code|ref|reference|number|serial|tracking(_number)?|voucher|coupon)$", ColumnRole("code")),
    (r"job|position|occupation|profession", ColumnRole("job")),
    (r"(^|_)(bio|biography|about)$", ColumnRole("about")),
    (r"(^|_)(notes?|remarks?|instructions)$", ColumnRole("note")),
    (r"(^|_)reason$", ColumnRole("reason")),
    (r"(^|_)(goal|objective|purpose|aim)$", ColumnRole("goal")),
    (r"(^|_)question$", ColumnRole("question")),
    (r"(^|_)(description|details|body|content|text|message|comments?|summary|excerpt|answer|abstract|terms|review)$",
     ColumnRole("told")),
    (r"title|subject|headline|caption|topic", ColumnRole("titled")),
    (r"(^|_)(label|tag|keyword|term|attribute|property)s?$", ColumnRole("tag")),
    (r"^vin$", ColumnRole("code", {"text": "???##??#?########"})),
)  # fmt: skip


def find_role(table: TableSpec, column: str) -> ColumnRole:
    """The role of a text column, by its field's type or else by its name."""
    role = _find_role_by_type(table, column)
    return find_role_by_name(table.sql.name, column) if role is None else role


def has_format(table: TableSpec, column: str) -> bool:
    """Whether the type of a text column's field accepts only texts of one format."""
    return _find_role_by_type(table, column) is not None


def _find_role_by_type(table: TableSpec, column: str) -> ColumnRole | None:
    annotation = str(table.value_constraints[column].annotation)
    return next((ColumnRole(how) for part, how in _ROLES_BY_TYPE.items() if part in annotation), None)


def find_role_by_name(table: str, column: str) -> ColumnRole:
    """The role that a column's name suggests. A plain `name`, title or text gets the role of its table."""
    name, table_name = _to_snake_case(column), _to_snake_case(table)
    if re.search(r"(^|_)countr(y|ies)$", table_name) and name in {
        "name",
        "code",
        "id",
        "iso",
        "iso_code",
        "iso2",
        "capital",
    }:
        return ColumnRole({"name": "country", "capital": "city"}.get(name, "country_code"))
    if name == "name" and re.search(r"(status|stage|(^|_)state|column|lane)$", table_name):
        return ColumnRole("choice", words=_STAGES)
    if name == "name" and re.search(r"(field|attribute|property)$", table_name):
        return ColumnRole("choice", words=_FIELDS)
    if _COLOR.search(name) and _THINGS.search(table_name):
        return ColumnRole("choice", words=word_list("color"))
    if name == "url" and re.search(r"image|photo|picture", table_name):
        return ColumnRole("picture")
    if name == "status" and re.search(r"article|post|page|document|news|book|course|lesson|podcast|video", table_name):
        return ColumnRole("choice", words=("draft", "published", "published", "archived"))
    if name.endswith("reason"):
        for pattern, words in _REASONS:
            if re.search(pattern, f"{table_name} {name}"):
                return ColumnRole("choice", words=words) if words else ColumnRole("reason")
        return ColumnRole("note")
    if name == "key" and not re.search(r"key|token|secret|credential", table_name):
        return ColumnRole("slug")
    if name == "name" and (machine := _MACHINES.search(table_name)):
        return ColumnRole("code", {"text": f"{machine[0].capitalize()} ###"})
    if name == "name" and re.search(r"(^|_)(school_?class|classroom)$", table_name):
        return ColumnRole("code", {"text": "#?"})
    if name == "name" and (
        subjects := next((words for pattern, words in _SUBJECTS if re.search(pattern, table_name)), None)
    ):
        return ColumnRole("choice", words=subjects)
    if name == "title" and re.search(r"teacher|doctor|patient|student|guest|customer|contact", table_name):
        return ColumnRole("choice", words=("Ms", "Mr", "Dr"))
    if name == "title" and _PEOPLE.search(table_name):
        return ColumnRole("job")
    for pattern, role in (
        *_ROLES_BY_NAME,
        *((pattern, ColumnRole("choice", words=words)) for pattern, words in _CHOICES),
    ):
        if re.search(pattern, name):
            return ColumnRole(_find_subject(table_name, name, role.name)) if role.name in {"titled", "told"} else role
    if name.endswith("name"):
        return ColumnRole(_find_name_role(f"{table_name}_{name.removesuffix('name').strip('_')}"))
    return ColumnRole("label")


def _to_snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _find_subject(table: str, column: str, role: str) -> str:
    """What a title or a text is about, by the column's name, then by the table's."""
    patterns, default = (_TITLE_ROLES, "article") if role == "titled" else (_TEXT_ROLES, "entry")
    for name in (column, table):
        if role == "told" and name == table and _THINGS.search(table):
            return "product text"
        if subject := next((phrase for pattern, phrase in patterns if re.search(pattern, name)), None):
            return subject
    if _TASKS.search(table):
        return "task" if role == "titled" else "task text"
    if _THINGS.search(table):
        return "product"
    return "about" if role == "told" and (_COMPANIES.search(table) or re.search(_NAME_ROLES[0][0], table)) else default


def _find_name_role(owner: str) -> str:
    last = owner.strip("_").rpartition("_")[2]
    for pattern, role in (
        (_PEOPLE, "person"),
        (_COMPANIES, "company"),
        (_THINGS, "product"),
        (_PLACES, "city"),
        (_TASKS, "task"),
    ):
        if pattern.search(last):
            return role
    return next((phrase for pattern, phrase in _NAME_ROLES if re.search(pattern, owner.strip("_"))), "label")
