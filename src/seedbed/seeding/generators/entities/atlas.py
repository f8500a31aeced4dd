"""Countries and cities, with what belongs to them: currencies, codes to call by, time zones, postcodes, coordinates."""

from dataclasses import dataclass
from functools import cache

from seedbed.seeding.core.word_lists import read_data_rows


@dataclass(frozen=True)
class Country:
    """`dial` is what stands after the + of a phone number."""

    code: str
    name: str
    currency: str
    dial: str


@dataclass(frozen=True)
class City:
    """In a `postcode` each # is a digit and each ? a letter; where a country has none, it is five digits here too."""

    name: str
    region: str
    latitude: float
    longitude: float
    postcode: str
    timezone: str
    country: Country


@cache
def read_cities() -> tuple[City, ...]:
    """All of them, those of a country side by side."""
    cities = []
    for row in read_data_rows("cities.csv"):
        country = Country(row["country_code"], row["country"], row["currency"], row["dial"])
        place = float(row["latitude"]), float(row["longitude"])
        cities.append(City(row["city"], row["region"], *place, row["postcode"], row["timezone"], country))
    return tuple(cities)


@cache
def read_countries() -> tuple[Country, ...]:
    return tuple(dict.fromkeys(city.country for city in read_cities()))
