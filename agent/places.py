"""Time zones by the names that people use for them: cities, countries, offsets, abbreviations.

The cities are from GeoNames (geonames.org, CC BY 4.0); scripts/make_cities.py writes the table.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import timedelta, timezone, tzinfo
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo, available_timezones

_OFFSET = re.compile(r"(?:gmt|utc|z)?\s*([+\-−–])\s*(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)
_LARGEST_OFFSET = timedelta(hours=14)

# What the tz database calls otherwise, or by a name of which most people mean another one.
_ABBREVIATIONS = {
    "utc": "Etc/UTC",
    "gmt": "Etc/GMT",
    "z": "Etc/UTC",
    "bst": "Europe/London",
    "cet": "Europe/Paris",
    "cest": "Europe/Paris",
    "eet": "Europe/Athens",
    "msk": "Europe/Moscow",
    "ist": "Asia/Kolkata",
    "jst": "Asia/Tokyo",
    "kst": "Asia/Seoul",
    "hkt": "Asia/Hong_Kong",
    "sgt": "Asia/Singapore",
    "aest": "Australia/Sydney",
    "aedt": "Australia/Sydney",
    "nzst": "Pacific/Auckland",
    **dict.fromkeys(("est", "edt", "et", "eastern"), "America/New_York"),
    **dict.fromkeys(("cst", "cdt", "ct", "central"), "America/Chicago"),
    **dict.fromkeys(("mst", "mdt", "mt", "mountain"), "America/Denver"),
    **dict.fromkeys(("pst", "pdt", "pt", "pacific"), "America/Los_Angeles"),
}
# What is left out of a name before it is looked up.
_AROUND = re.compile(
    r"^(?:(?:the )?(?:current |local )?time in )?(?:the )?(?:city of )?"
    r"|(?: city| standard time| daylight time| summer time| time| d c)+$"
    r"|(?:特别行政区|直辖市|特区|時間|时间|市|都|府)$"
)
_COUNTRIES = {
    "usa": "united states",
    "us": "united states",
    "america": "united states",
    "uk": "united kingdom",
    "england": "united kingdom",
    "britain": "united kingdom",
    "great britain": "united kingdom",
    "scotland": "united kingdom",
    "wales": "united kingdom",
    "northern ireland": "united kingdom",
    "holland": "the netherlands",
    "netherlands": "the netherlands",
    "korea": "south korea",
    "uae": "united arab emirates",
    "czech republic": "czechia",
    "turkiye": "turkey",
    "burma": "myanmar",
    "macau": "macao",
    "中国": "china",
    "日本": "japan",
    "英国": "united kingdom",
    "法国": "france",
    "德国": "germany",
    "韩国": "south korea",
    "印度": "india",
    "新加坡": "singapore",
    "意大利": "italy",
}


_ALSO = {
    "la": "los angeles",
    "l a": "los angeles",
    "nyc": "new york city",
    "sf": "san francisco",
    "dc": "washington",
    "vegas": "las vegas",
    "kl": "kuala lumpur",
    "bali": "denpasar",
    "st petersburg": "saint petersburg",
    "firenze": "florence",
    "den haag": "the hague",
    # Of fewer people than the table has, and of one time with these.
    **dict.fromkeys(("geneva", "geneve", "genf", "bern", "lausanne"), "zurich"),
    "纽约": "new york city",
    "서울": "seoul",
    "洛杉矶": "los angeles",
    "首尔": "seoul",
    "新德里": "new delhi",
}

# States of the US that keep one time, in all of them but for a few villages.
_STATES = {
    name: zone
    for zone, names in {
        "America/New_York": "connecticut ct|delaware de|georgia ga|maine me|maryland md"
        "|massachusetts ma|new hampshire nh|new jersey nj|new york ny|north carolina nc|ohio oh"
        "|pennsylvania pa|rhode island ri|south carolina sc|vermont vt|virginia va"
        "|west virginia wv",
        "America/Chicago": "alabama al|arkansas ar|illinois il|iowa ia|louisiana la|minnesota mn"
        "|mississippi ms|missouri mo|oklahoma ok|wisconsin wi",
        "America/Denver": "colorado co|montana mt|new mexico nm|utah ut|wyoming wy",
        "America/Phoenix": "arizona az",
        "America/Los_Angeles": "california ca|washington wa",
        "Pacific/Honolulu": "hawaii hi",
    }.items()
    for state in names.split("|")
    for name in (state[:-3], state[-2:])
}


@dataclass(frozen=True)
class _City:
    country: str
    state: str
    zone: str
    people: int


def find_zone(place: str) -> tzinfo | None:
    """The time zone of a place, None if it is not known.

    Args:
        place: A city, perhaps with its country; a country of one zone; an offset, such as GMT+8,
            which is east of Greenwich; an abbreviation; or a name of the tz database.
    """
    place = place.strip()
    if offset := _OFFSET.fullmatch(place):
        sign, hours, minutes = offset.groups()
        east = timedelta(hours=int(hours), minutes=int(minutes or 0))
        return timezone(east if sign == "+" else -east) if east <= _LARGEST_OFFSET else None
    # The tz database has "EST" too, but without its summer.
    name = _ABBREVIATIONS.get(_folded(place)) or _ABBREVIATIONS.get(_plain(place))
    name = name or _zone_names().get(place.lower().replace(" ", "_"))
    name = name or _city_zone(place) or _country_zone(place) or _state_zone(place)
    name = name or _last_part(place)
    return ZoneInfo(name) if name else None


def _city_zone(place: str) -> str | None:
    whole = _cities().get(_folded(place)) or _cities().get(_plain(place))
    if whole:
        return whole[0].zone
    first, *rest = _parts(place)
    found = _cities().get(_folded(first)) or _cities().get(_plain(first)) or []
    if not rest:
        return None
    if not found:
        return _STATES.get(_folded(rest[0]))
    where = {_COUNTRIES.get(_folded(part), _folded(part)) for part in rest}
    there = [
        c for c in found if where & {_folded(part) for part in (c.country, *c.state.split("|"))}
    ]
    if there:
        return there[0].zone
    if where & _regions():
        # There is another one of this name.
        return _STATES.get(_folded(rest[0]))
    # What stands beside it is not known: no guess is made between cities of one name.
    zones = {c.zone for c in found}
    return found[0].zone if len(zones) == 1 else None


def _parts(place: str) -> list[str]:
    """A place and what it is in: "Paris, Texas", "Paris Texas", "中国北京"."""
    parts = [part for part in re.split(r"\s*[,，(（/]\s*", place.rstrip(")）")) if part.strip()]
    if len(parts) != 1:
        return parts or [place]
    for country in _COUNTRIES:
        if not country.isascii() and place.startswith(country) and place != country:
            return [place.removeprefix(country), country]
    words = place.split()
    for at in range(max(1, len(words) - 3), len(words)):
        last = _folded(" ".join(words[at:]))
        if len(last) > 2 and _COUNTRIES.get(last, last) in _regions():
            return [" ".join(words[:at]), last]
    return parts


def _state_zone(place: str) -> str | None:
    folded = _folded(place)
    return _STATES.get(folded) if len(folded) > 2 else None


def _country_zone(place: str) -> str | None:
    folded = _folded(place)
    zones = _countries().get(_COUNTRIES.get(folded, folded), set())
    return next(iter(zones)) if len(zones) == 1 else None


def _last_part(place: str) -> str | None:
    """A zone of the tz database by its last part: "Azores" for Atlantic/Azores."""
    wanted = _plain(place).replace(" ", "_")
    found = [name for key, name in _zone_names().items() if key.rpartition("/")[2] == wanted]
    return next((name for name in sorted(found) if not name.startswith("Etc/")), None)


def _folded(text: str) -> str:
    """Lower case without accents and marks."""
    decomposed = unicodedata.normalize("NFKD", text).lower()
    letters = "".join(c for c in decomposed if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", " ".join(re.sub(r"[^\w]|_", " ", letters).split()))


def _plain(text: str) -> str:
    """The same without what may stand around a name."""
    folded = _folded(text)
    while (shorter := _AROUND.sub("", folded).strip()) and shorter != folded:
        folded = shorter
    return folded


@cache
def _zone_names() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}


@cache
def _rows() -> list[tuple[str, _City, list[str]]]:
    rows = []
    table = (files(__package__) / "cities.tsv").read_text("utf-8")
    for line in table.splitlines():
        name, country, state, zone, people, others = line.split("\t")
        rows.append((name, _City(country, state, zone, int(people)), others.split("|")))
    return rows


@cache
def _cities() -> dict[str, list[_City]]:
    """Cities by each of their names; those that are called so first, then the largest."""
    named: dict[str, list[tuple[bool, _City]]] = {}
    for name, city, others in _rows():
        for other in {name, *others} - {""}:
            for key in {_folded(other), _plain(other)} - {""}:
                named.setdefault(key, []).append((other == name, city))
    cities = {
        key: [city for _, city in sorted(found, key=lambda f: (not f[0], -f[1].people))]
        for key, found in named.items()
    }
    meant = {name: cities[other] + cities.get(name, []) for name, other in _ALSO.items()}
    return cities | meant


@cache
def _regions() -> frozenset[str]:
    """Countries and states."""
    states = {_folded(part) for _, city, _ in _rows() for part in city.state.split("|")}
    return frozenset({*_countries(), *states, *_STATES} - {""})


@cache
def _countries() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for _, city, _ in _rows():
        found.setdefault(_folded(city.country), set()).add(city.zone)
    # All of China keeps one time; the other zone of the tz database is a custom of a province.
    found["china"] = {"Asia/Shanghai"}
    found["vietnam"] = {"Asia/Ho_Chi_Minh"}
    return found
