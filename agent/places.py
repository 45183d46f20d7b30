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
    r"^(?:the )?(?:city of )?|(?: city| standard time| daylight time| summer time| time| d c)+$"
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
    "纽约": "new york city",
    "서울": "seoul",
    "洛杉矶": "los angeles",
    "首尔": "seoul",
    "新德里": "new delhi",
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
    if name := _zone_names().get(place.lower().replace(" ", "_")):
        return ZoneInfo(name)
    name = _ABBREVIATIONS.get(_folded(place)) or _ABBREVIATIONS.get(_plain(place))
    name = name or _city_zone(place) or _country_zone(place) or _last_part(place)
    return ZoneInfo(name) if name else None


def _city_zone(place: str) -> str | None:
    whole = _cities().get(_folded(place)) or _cities().get(_plain(place))
    if whole:
        return whole[0].zone
    first, *rest = (part for part in re.split(r"\s*[,，(（]\s*", place.rstrip(")）")) if part)
    found = _cities().get(_folded(first)) or _cities().get(_plain(first)) or []
    if not rest or not found:
        return None
    where = {_COUNTRIES.get(_folded(part), _folded(part)) for part in rest}
    there = [
        c for c in found if where & {_folded(part) for part in (c.country, *c.state.split("|"))}
    ]
    if there:
        return there[0].zone
    # What stands beside it is not known: no guess is made between cities of one name.
    zones = {c.zone for c in found}
    return found[0].zone if len(zones) == 1 else None


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
    return {_folded(name): cities[other] for name, other in _ALSO.items()} | cities


@cache
def _countries() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for _, city, _ in _rows():
        found.setdefault(_folded(city.country), set()).add(city.zone)
    # All of China keeps one time; the other zone of the tz database is a custom of a province.
    found["china"] = {"Asia/Shanghai"}
    return found
