"""What a text column is for, as its name and its table's tell."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seedbed.seeding.generators.data.words import COLORS

if TYPE_CHECKING:
    from seedbed.seeding.planning.table_plan import TablePlan


@dataclass(frozen=True)
class Meaning:
    """A way to make a text: `how` is a provider of Faker, one of the ways of `texts`, or what a phrase is for."""

    how: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    words: tuple[str, ...] = ()


SECRETS = re.compile(r"password|secret|token|api_key|private_key|otp")

_PEOPLE = re.compile(
    r"user|person|people|customer|member|author|employee|contact|patient|student|teacher|guest|driver|player|agent"
    r"|account|profile|recipient|subscriber|staff|candidate|reviewer|buyer|seller|friend|hero|sender|receiver|manager|owner"
)
_FIRMS = re.compile(
    r"compan|organi[sz]ation|^org$|tenant|vendor|supplier|brand|manufacturer|store|shop|carrier|publisher|agency|firm"
    r"|workspace|bank|partner|client|merchant|clinic|hospital|practice|school"
)
_THINGS = re.compile(r"product|item|article|part|asset|device|equipment|variant|material|good|sku|inventory")

_PLACES = re.compile(r"warehouse|depot|location|site|venue|branch|region|district")
_WORK = re.compile(r"task|todo|issue|ticket|stor(y|ies)$|bug|card$|epic|activit|^job|work_?item|assignment")

_NAMED_AFTER: tuple[tuple[str, str], ...] = (
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
_TITLED: tuple[tuple[str, str], ...] = (
    (r"recipe|dish|meal", "dish"),
    (r"review|rating|feedback|testimonial", "verdict"),
    (r"milestone|release", "milestone"),
    (r"project|campaign", "project"),
    (r"event|meetup|webinar|session|workshop", "event"),
)
_TOLD: tuple[tuple[str, str], ...] = (
    (r"review|rating|feedback|testimonial", "review text"),
    (r"comment|repl(y|ies)|answer", "comment"),
    (r"message|notification|chat|mail|alert", "message"),
    (r"article|post|page|document|news|book|course|lesson|event|chapter|podcast|video", "article text"),
)

_FORMS_OF_TYPES = {"EmailStr": "email", "Url": "address", "IPv4": "ipv4", "IPv6": "ipv6", "UUID": "uuid4"}

_STAGES = ("To do", "In progress", "In review", "Blocked", "Done")
_FIELDS = (
    "Severity",
    "Component",
    "Customer",
    "Quarter",
    "Effort",
    "Region",
    "Channel",
    "Risk",
    "Owner",
    "Approved by",
)
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
_NAMED: tuple[tuple[str, Meaning], ...] = (
    (r"e_?mail", Meaning("email")),
    (r"(^|_)(first|given|fore)_?name$|^first$", Meaning("first_name")),
    (r"(^|_)(last|family|sur)_?name$|^surname$", Meaning("last_name")),
    (r"(^|_)middle_?name$", Meaning("first_name")),
    (r"(^|_)(user|login|nick|screen)_?name$|^(handle|login|username)$", Meaning("handle")),
    (r"(^|_)(full|display|contact|recipient|customer|author|holder|owner|billing|shipping)_?name$", Meaning("person")),
    (r"(^|_)(guardian|principal|parent)_?name$|^author$", Meaning("person")),
    (r"(^|_)(company|organi[sz]ation|employer|vendor|supplier|brand)(_?name)?$", Meaning("company")),
    (r"(^|_)(manufacturer|publisher)(_?name)?$", Meaning("company")),
    (r"native_language$|^language(_name)?$", Meaning("language_name")),
    (r"(^|_)last_?(four|4)$", Meaning("code", {"text": "####"})),
    (r"(^|_)card_?number$|(^|_)pan$", Meaning("card_number")),
    (r"merchant_category(_code)?$|(^|_)mcc$", Meaning("code", {"text": "5###"})),
    (r"^entity_type$|^resource_type$", Meaning("choice", words=("user", "order", "account", "document"))),
    (r"^actor$", Meaning("handle")),
    (r"(^|_)building$", Meaning("choice", words=("Main building", "North wing", "South wing", "Annex"))),
    (r"icd_?(9|10)?(_code)?$", Meaning("code", {"text": "?##.#"})),
    (r"^mrn$", Meaning("code", {"text": "########"})),
    (r"^room_?(number|no)$", Meaning("code", {"text": "###"})),
    (r"(^|_)host_?name$|(^|_)domain(_name)?$|^host$", Meaning("host")),
    (r"(^|_)file_?name$", Meaning("file")),
    (r"mime|content_?type|media_?type", Meaning("media type")),
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
    (r"(^|_)ip(v4)?(_?addr(ess)?)?$|remote_addr", Meaning("ipv4")),
    (r"(^|_)mac(_?addr(ess)?)?$", Meaning("mac_address")),
    (r"(^|_)ssn$|social_security", Meaning("ssn")),
    (r"street|address|(^|_)line_?1$", Meaning("street")),
    (r"user_?agent", Meaning("user_agent")),
    (r"time_?zone|(^|_)tz$", Meaning("timezone")),
    (r"(^|_)lang(uage)?(_code)?$", Meaning("language_code")),
    (_COLOR.pattern, Meaning("hex_color")),
    (r"iban", Meaning("iban")),
    (r"(^|_)(swift|bic)(_code)?$", Meaning("swift")),
    (r"isbn", Meaning("isbn13")),
    (r"(^|_)(ean|barcode|gtin)$", Meaning("ean13")),
    (r"(^|_)vat(_number|_id)?$|tax_(id|number)", Meaning("code", {"text": "??#########"})),
    (r"license_?plate", Meaning("license_plate")),
    (r"password|passwd", Meaning("sha256")),
    (r"(^|_)(hash|checksum|digest|sha(1|256)?|etag|fingerprint|token|secret|key)$|api_key", Meaning("sha256")),
    (r"(^|_)version$", Meaning("code", {"text": "#.#.#"})),
    (r"(^|_)(uuid|guid)$", Meaning("uuid4")),
    (r"_(uid|id)$", Meaning("code", {"text": "????????####"})),
    (r"(^|_)prefix$", Meaning("code", {"text": "????"})),
    (r"(^|_)alt(_text)?$", Meaning("product")),
    (r"(^|_)(sku|code|ref|reference|number|serial|tracking(_number)?|voucher|coupon)$", Meaning("code")),
    (r"job|position|occupation|profession", Meaning("job")),
    (r"(^|_)(bio|biography|about)$", Meaning("about")),
    (r"(^|_)(notes?|remarks?|instructions)$", Meaning("note")),
    (r"(^|_)reason$", Meaning("reason")),
    (r"(^|_)(goal|objective|purpose|aim)$", Meaning("goal")),
    (r"(^|_)question$", Meaning("question")),
    (r"(^|_)(description|details|body|content|text|message|comments?|summary|excerpt|answer|abstract|terms|review)$",
     Meaning("told")),
    (r"title|subject|headline|caption|topic", Meaning("titled")),
    (r"(^|_)(label|tag|keyword|term|attribute|property)s?$", Meaning("tag")),
    (r"^vin$", Meaning("code", {"text": "???##??#?########"})),
)  # fmt: skip


def meaning_in(table: "TablePlan", column: str) -> Meaning:
    """What a text column is for, by its field's type or else by its name."""
    said = _meaning_of_type(table, column)
    return meaning_of(table.sql.name, column) if said is None else said


def says_form(table: "TablePlan", column: str) -> bool:
    """Whether a text column's field has a type that takes texts of one form alone."""
    return _meaning_of_type(table, column) is not None


def _meaning_of_type(table: "TablePlan", column: str) -> Meaning | None:
    annotation = str(table.facts[column].annotation)
    return next((Meaning(how) for part, how in _FORMS_OF_TYPES.items() if part in annotation), None)


def meaning_of(table: str, column: str) -> Meaning:
    """What a text column's name suggests; a plain `name`, title or text is its table's."""
    name, own = _snake(column), _snake(table)
    if re.search(r"(^|_)countr(y|ies)$", own) and name in {"name", "code", "id", "iso", "iso_code", "iso2", "capital"}:
        return Meaning({"name": "country", "capital": "city"}.get(name, "country_code"))
    if name == "name" and re.search(r"(status|stage|(^|_)state|column|lane)$", own):
        return Meaning("choice", words=_STAGES)
    if name == "name" and re.search(r"(field|attribute|property)$", own):
        return Meaning("choice", words=_FIELDS)
    if _COLOR.search(name) and _THINGS.search(own):
        return Meaning("choice", words=COLORS)
    if name == "url" and re.search(r"image|photo|picture", own):
        return Meaning("picture")
    if name == "status" and re.search(r"article|post|page|document|news|book|course|lesson|podcast|video", own):
        return Meaning("choice", words=("draft", "published", "published", "archived"))
    if name.endswith("reason"):
        for pattern, words in _REASONS:
            if re.search(pattern, f"{own} {name}"):
                return Meaning("choice", words=words) if words else Meaning("reason")
        return Meaning("note")
    if name == "key" and not re.search(r"key|token|secret|credential", own):
        return Meaning("slug")
    if name == "name" and (machine := _MACHINES.search(own)):
        return Meaning("code", {"text": f"{machine[0].capitalize()} ###"})
    if name == "name" and re.search(r"(^|_)(school_?class|classroom)$", own):
        return Meaning("code", {"text": "#?"})
    if name == "name" and (said := next((words for pattern, words in _SUBJECTS if re.search(pattern, own)), None)):
        return Meaning("choice", words=said)
    if name == "title" and re.search(r"teacher|doctor|patient|student|guest|customer|contact", own):
        return Meaning("choice", words=("Ms", "Mr", "Dr"))
    if name == "title" and _PEOPLE.search(own):
        return Meaning("job")
    for pattern, meaning in (*_NAMED, *((pattern, Meaning("choice", words=words)) for pattern, words in _CHOICES)):
        if re.search(pattern, name):
            return Meaning(_of(own, name, meaning.how)) if meaning.how in {"titled", "told"} else meaning
    if name.endswith("name"):
        return Meaning(_named(f"{own}_{name.removesuffix('name').strip('_')}"))
    return Meaning("label")


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def _of(table: str, column: str, how: str) -> str:
    """What a title or a text is about, by its column and then by its table."""
    first, otherwise = (_TITLED, "article") if how == "titled" else (_TOLD, "entry")
    for said in (column, table):
        if how == "told" and said == table and _THINGS.search(table):
            return "product text"
        if found := next((phrase for pattern, phrase in first if re.search(pattern, said)), None):
            return found
    if _WORK.search(table):
        return "task" if how == "titled" else "task text"
    if _THINGS.search(table):
        return "product"
    return "about" if how == "told" and (_FIRMS.search(table) or re.search(_NAMED_AFTER[0][0], table)) else otherwise


def _named(of: str) -> str:
    last = of.strip("_").rpartition("_")[2]
    for pattern, how in (
        (_PEOPLE, "person"),
        (_FIRMS, "company"),
        (_THINGS, "product"),
        (_PLACES, "city"),
        (_WORK, "task"),
    ):
        if pattern.search(last):
            return how
    return next((phrase for pattern, phrase in _NAMED_AFTER if re.search(pattern, of.strip("_"))), "label")
