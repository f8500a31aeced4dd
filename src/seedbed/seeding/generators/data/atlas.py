"""Countries and cities, with what belongs to them: currencies, codes to call by, time zones, postcodes, coordinates."""

from dataclasses import dataclass
from functools import lru_cache


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


@lru_cache(maxsize=1)
def cities() -> tuple[City, ...]:
    """All of them, those of a country side by side."""
    found = []
    for line in _ATLAS.strip().splitlines():
        country, *listed = line.split(" | ")
        code, name, currency, dial, zone = country.split(", ")
        of = Country(code, name, currency, dial)
        for one in listed:
            city, region, latitude, longitude, postcode, *other = one.split(", ")
            place = float(latitude), float(longitude)
            found.append(City(city, region, *place, postcode, other[0] if other else zone, of))
    return tuple(found)


@lru_cache(maxsize=1)
def countries() -> tuple[Country, ...]:
    return tuple(dict.fromkeys(city.country for city in cities()))


_ATLAS = """
US, United States, USD, 1, America/New_York | New York, New York, 40.71, -74.01, 100## | Boston, Massachusetts, 42.36, -71.06, 021## | Atlanta, Georgia, 33.75, -84.39, 303## | Chicago, Illinois, 41.88, -87.63, 606##, America/Chicago | Austin, Texas, 30.27, -97.74, 787##, America/Chicago | Denver, Colorado, 39.74, -104.99, 802##, America/Denver | Seattle, Washington, 47.61, -122.33, 981##, America/Los_Angeles | San Diego, California, 32.72, -117.16, 921##, America/Los_Angeles
GB, United Kingdom, GBP, 44, Europe/London | London, England, 51.51, -0.13, SW# #?? | Manchester, England, 53.48, -2.24, M# #?? | Leeds, England, 53.80, -1.55, LS# #?? | Edinburgh, Scotland, 55.95, -3.19, EH# #?? | Cardiff, Wales, 51.48, -3.18, CF# #??
DE, Germany, EUR, 49, Europe/Berlin | Berlin, Berlin, 52.52, 13.40, 10### | Hamburg, Hamburg, 53.55, 9.99, 20### | Munich, Bavaria, 48.14, 11.58, 80### | Cologne, North Rhine-Westphalia, 50.94, 6.96, 50### | Leipzig, Saxony, 51.34, 12.37, 04###
FR, France, EUR, 33, Europe/Paris | Paris, Ile-de-France, 48.86, 2.35, 750## | Lyon, Auvergne-Rhone-Alpes, 45.76, 4.84, 690## | Marseille, Provence, 43.30, 5.37, 130## | Nantes, Pays de la Loire, 47.22, -1.55, 440##
ES, Spain, EUR, 34, Europe/Madrid | Madrid, Madrid, 40.42, -3.70, 280## | Barcelona, Catalonia, 41.39, 2.17, 080## | Valencia, Valencia, 39.47, -0.38, 460##
IT, Italy, EUR, 39, Europe/Rome | Rome, Lazio, 41.90, 12.50, 001## | Milan, Lombardy, 45.46, 9.19, 201## | Turin, Piedmont, 45.07, 7.69, 101##
NL, Netherlands, EUR, 31, Europe/Amsterdam | Amsterdam, North Holland, 52.37, 4.90, 10## ?? | Utrecht, Utrecht, 52.09, 5.12, 35## ?? | Rotterdam, South Holland, 51.92, 4.48, 30## ??
BE, Belgium, EUR, 32, Europe/Brussels | Brussels, Brussels, 50.85, 4.35, 10## | Ghent, East Flanders, 51.05, 3.72, 90##
AT, Austria, EUR, 43, Europe/Vienna | Vienna, Vienna, 48.21, 16.37, 1##0 | Graz, Styria, 47.07, 15.44, 80##
CH, Switzerland, CHF, 41, Europe/Zurich | Zurich, Zurich, 47.37, 8.54, 80## | Geneva, Geneva, 46.20, 6.14, 12## | Bern, Bern, 46.95, 7.45, 30##
SE, Sweden, SEK, 46, Europe/Stockholm | Stockholm, Stockholm, 59.33, 18.07, 11# ## | Gothenburg, Vastra Gotaland, 57.71, 11.97, 41# ##
NO, Norway, NOK, 47, Europe/Oslo | Oslo, Oslo, 59.91, 10.75, 01## | Bergen, Vestland, 60.39, 5.32, 50##
DK, Denmark, DKK, 45, Europe/Copenhagen | Copenhagen, Capital Region, 55.68, 12.57, 1### | Aarhus, Central Jutland, 56.16, 10.20, 8###
FI, Finland, EUR, 358, Europe/Helsinki | Helsinki, Uusimaa, 60.17, 24.94, 00##0 | Tampere, Pirkanmaa, 61.50, 23.76, 33##0
PL, Poland, PLN, 48, Europe/Warsaw | Warsaw, Masovia, 52.23, 21.01, 00-### | Krakow, Lesser Poland, 50.06, 19.94, 30-### | Gdansk, Pomerania, 54.35, 18.65, 80-###
CZ, Czechia, CZK, 420, Europe/Prague | Prague, Prague, 50.08, 14.44, 1## ## | Brno, South Moravia, 49.20, 16.61, 6## ##
PT, Portugal, EUR, 351, Europe/Lisbon | Lisbon, Lisbon, 38.72, -9.14, 1###-### | Porto, Norte, 41.15, -8.61, 4###-###
IE, Ireland, EUR, 353, Europe/Dublin | Dublin, Leinster, 53.35, -6.26, D0# ??## | Cork, Munster, 51.90, -8.47, T12 ??##
GR, Greece, EUR, 30, Europe/Athens | Athens, Attica, 37.98, 23.73, 10# ## | Thessaloniki, Central Macedonia, 40.64, 22.94, 54# ##
HU, Hungary, HUF, 36, Europe/Budapest | Budapest, Budapest, 47.50, 19.04, 1###
RO, Romania, RON, 40, Europe/Bucharest | Bucharest, Bucharest, 44.43, 26.10, 01####
BG, Bulgaria, EUR, 359, Europe/Sofia | Sofia, Sofia, 42.70, 23.32, 1###
SK, Slovakia, EUR, 421, Europe/Bratislava | Bratislava, Bratislava, 48.15, 17.11, 8## ##
SI, Slovenia, EUR, 386, Europe/Ljubljana | Ljubljana, Ljubljana, 46.06, 14.51, 10##
HR, Croatia, EUR, 385, Europe/Zagreb | Zagreb, Zagreb, 45.81, 15.98, 100##
EE, Estonia, EUR, 372, Europe/Tallinn | Tallinn, Harju, 59.44, 24.75, 10###
LV, Latvia, EUR, 371, Europe/Riga | Riga, Riga, 56.95, 24.11, LV-10##
LT, Lithuania, EUR, 370, Europe/Vilnius | Vilnius, Vilnius, 54.69, 25.28, 01###
LU, Luxembourg, EUR, 352, Europe/Luxembourg | Luxembourg, Luxembourg, 49.61, 6.13, 1###
IS, Iceland, ISK, 354, Atlantic/Reykjavik | Reykjavik, Capital Region, 64.15, -21.94, 10#
MT, Malta, EUR, 356, Europe/Malta | Valletta, Malta, 35.90, 14.51, VLT 1###
CY, Cyprus, EUR, 357, Asia/Nicosia | Nicosia, Nicosia, 35.19, 33.38, 10##
UA, Ukraine, UAH, 380, Europe/Kyiv | Kyiv, Kyiv, 50.45, 30.52, 01### | Lviv, Lviv, 49.84, 24.03, 79###
RS, Serbia, RSD, 381, Europe/Belgrade | Belgrade, Belgrade, 44.79, 20.45, 11###
TR, Turkey, TRY, 90, Europe/Istanbul | Istanbul, Istanbul, 41.01, 28.98, 34### | Izmir, Izmir, 38.42, 27.14, 35###
CA, Canada, CAD, 1, America/Toronto | Toronto, Ontario, 43.65, -79.38, M#? #?# | Montreal, Quebec, 45.50, -73.57, H#? #?# | Vancouver, British Columbia, 49.28, -123.12, V#? #?#, America/Vancouver
MX, Mexico, MXN, 52, America/Mexico_City | Mexico City, Mexico City, 19.43, -99.13, 0#### | Guadalajara, Jalisco, 20.66, -103.35, 44###
BR, Brazil, BRL, 55, America/Sao_Paulo | Sao Paulo, Sao Paulo, -23.55, -46.63, 01###-### | Curitiba, Parana, -25.43, -49.27, 80###-###
AR, Argentina, ARS, 54, America/Argentina/Buenos_Aires | Buenos Aires, Buenos Aires, -34.60, -58.38, 1### | Cordoba, Cordoba, -31.42, -64.18, 5###
CL, Chile, CLP, 56, America/Santiago | Santiago, Santiago, -33.45, -70.67, 83#####
CO, Colombia, COP, 57, America/Bogota | Bogota, Bogota, 4.71, -74.07, 11#### | Medellin, Antioquia, 6.25, -75.56, 05####
PE, Peru, PEN, 51, America/Lima | Lima, Lima, -12.05, -77.04, 150##
UY, Uruguay, UYU, 598, America/Montevideo | Montevideo, Montevideo, -34.90, -56.16, 11###
CR, Costa Rica, CRC, 506, America/Costa_Rica | San Jose, San Jose, 9.93, -84.08, 101##
AU, Australia, AUD, 61, Australia/Sydney | Sydney, New South Wales, -33.87, 151.21, 20## | Melbourne, Victoria, -37.81, 144.96, 30##, Australia/Melbourne | Brisbane, Queensland, -27.47, 153.03, 40##, Australia/Brisbane
NZ, New Zealand, NZD, 64, Pacific/Auckland | Auckland, Auckland, -36.85, 174.76, 10## | Wellington, Wellington, -41.29, 174.78, 60##
JP, Japan, JPY, 81, Asia/Tokyo | Tokyo, Tokyo, 35.68, 139.69, 1##-#### | Osaka, Osaka, 34.69, 135.50, 53#-#### | Sapporo, Hokkaido, 43.06, 141.35, 06#-####
KR, South Korea, KRW, 82, Asia/Seoul | Seoul, Seoul, 37.57, 126.98, 04### | Busan, Busan, 35.18, 129.08, 48###
IN, India, INR, 91, Asia/Kolkata | Mumbai, Maharashtra, 19.08, 72.88, 4000## | Bengaluru, Karnataka, 12.97, 77.59, 5600## | Delhi, Delhi, 28.61, 77.21, 1100##
SG, Singapore, SGD, 65, Asia/Singapore | Singapore, Singapore, 1.35, 103.82, 04####
MY, Malaysia, MYR, 60, Asia/Kuala_Lumpur | Kuala Lumpur, Kuala Lumpur, 3.14, 101.69, 50###
TH, Thailand, THB, 66, Asia/Bangkok | Bangkok, Bangkok, 13.76, 100.50, 10###
VN, Vietnam, VND, 84, Asia/Ho_Chi_Minh | Hanoi, Hanoi, 21.03, 105.85, 10####
PH, Philippines, PHP, 63, Asia/Manila | Manila, Metro Manila, 14.60, 120.98, 10##
ID, Indonesia, IDR, 62, Asia/Jakarta | Jakarta, Jakarta, -6.21, 106.85, 10###
TW, Taiwan, TWD, 886, Asia/Taipei | Taipei, Taipei, 25.03, 121.57, 10#
IL, Israel, ILS, 972, Asia/Jerusalem | Tel Aviv, Tel Aviv, 32.09, 34.78, 61#####
AE, United Arab Emirates, AED, 971, Asia/Dubai | Dubai, Dubai, 25.20, 55.27, 0####
MA, Morocco, MAD, 212, Africa/Casablanca | Casablanca, Casablanca-Settat, 33.57, -7.59, 20###
EG, Egypt, EGP, 20, Africa/Cairo | Cairo, Cairo, 30.04, 31.24, 11###
KE, Kenya, KES, 254, Africa/Nairobi | Nairobi, Nairobi, -1.29, 36.82, 001##
NG, Nigeria, NGN, 234, Africa/Lagos | Lagos, Lagos, 6.52, 3.38, 10####
GH, Ghana, GHS, 233, Africa/Accra | Accra, Greater Accra, 5.60, -0.19, GA###
ZA, South Africa, ZAR, 27, Africa/Johannesburg | Cape Town, Western Cape, -33.92, 18.42, 80## | Johannesburg, Gauteng, -26.20, 28.05, 20##
"""  # noqa: E501 - a country a line
