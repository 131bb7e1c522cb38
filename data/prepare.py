#!/usr/bin/env python3
"""Maps the columns of the real film data (fr-first-week/clean.csv) to the raw schema beside this file.

usage: data/prepare.py IN/clean.csv OUT.csv

Besides the schema's fields the result has `use` (train: films that teach and judge the model; history: films that only
feed the statistics of people and distributors; ignore: re-releases) and `panel` (1: listed by JPBox, counts for
distributor, genre, country and market statistics). Values outside the schema's ranges become unknown and are counted on
standard error. Plain Python 3, no packages."""
import collections
import csv
import json
import os
import re
import sys
import unicodedata

# The source split these names at their blanks before it joined the list with '|'.
BROKEN_COUNTRIES = ("République|tchèque", "République|dominicaine", "Emirats|Arabes|Unis", "Arabie|Saoudite",
                    "Burkina|Faso", "Costa|Rica", "Sri|Lanka", "Congo|(Brazzaville)", "Congo|(Kinshasa)")
# One film has its genre in English; the reference features know French ones only.
ENGLISH_GENRES = ("Drama",)


def fold(text):
    """common/forecast/fold.c in Python: how names are compared"""
    s = unicodedata.normalize("NFKD", text)
    s = "".join(c for c in s if not unicodedata.combining(c)).lower().replace("œ", "oe").replace("æ", "ae")
    return re.sub(r"[^a-z0-9]+", " ", s).strip()


class Field:
    """One field of schema.json: puts a cell into the schema's spelling and range, or leaves it empty"""

    def __init__(self, spec, dropped):
        self.spec = spec
        self.dropped = dropped
        self.canonical = {}
        for value in spec.get("values", []):
            names = [value["value"], *value.get("label", {}).values(), *value.get("aliases", [])]
            self.canonical.update((fold(name), value["value"]) for name in names)

    def list(self, *cells):
        """merge lists, the earlier first, one entry per value"""
        kept = {}
        for item in (x.strip() for cell in cells for x in cell.split("|")):
            if item:
                item = self.canonical.get(fold(item), item)
                kept.setdefault(fold(item) or item, item)
        items = list(kept.values())
        if len(items) > self.spec["items_max"]:
            self.dropped[self.spec["name"] + ": items"] += len(items) - self.spec["items_max"]
        return "|".join(items[:self.spec["items_max"]])

    def number(self, cell):
        if not cell:
            return ""
        value = float(cell)
        low, high = self.spec.get("min", value), self.spec.get("max", value)
        if value < low or value > high or (self.spec.get("exclusive_min") and value == low):
            self.dropped[self.spec["name"]] += 1
            return ""
        return "%d" % value if value == int(value) else repr(value)

    def text(self, cell):
        cell = cell.strip()
        return self.canonical.get(fold(cell), cell)[:self.spec["length_max"]]


def with_main(film, main, others, unknown):
    """the main value before the others. Only JPBox tells it: where a listed film has none, one that says so"""
    if others and not main and film["jpbox_id"]:
        main = unknown
    return main, others


def use_of(film):
    if film["core"] == "1":
        return "train"
    return "history" if film["is_rerelease"] != "1" and film["first_week_entries"] else "ignore"


def prepare(film, fields):
    genres = "|".join(x for x in film["genres"].split("|") if x.strip() not in ENGLISH_GENRES)
    countries = film["countries"]
    for broken in BROKEN_COUNTRIES:
        countries = countries.replace(broken, broken.replace("|", " "))
    return {
        "film_id": film["film_id"],
        "title": fields["title"].text(film["title"]),
        "original_title": fields["original_title"].text(film["original_title"]),
        "release_date": film["release_date"],
        "genres": fields["genres"].list(*with_main(film, film["genre"], genres, "Divers")),
        "countries": fields["countries"].list(*with_main(film, film["country"], countries, "ZZ")),
        "distributor": fields["distributor"].text(film["distributor"]),
        "directors": fields["directors"].list(film["directors"]),
        "actors": fields["actors"].list(film["actors"]),
        "duration_min": fields["duration_min"].number(film["duration_min"]),
        "age_rating": fields["age_rating"].text(film["age_rating"]),
        "budget": fields["budget"].number(film["budget_amount"]),
        "budget_currency": film["budget_currency"] if film["budget_amount"] else "",
        "screens": fields["screens"].number(film["screens_first_week"]),
        "first_week_entries": fields["first_week_entries"].number(film["first_week_entries"]),
        "use": use_of(film),
        "panel": "1" if film["jpbox_id"] else "0",
    }


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.split("\n\n")[1])
    dropped = collections.Counter()
    schema_path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schema.json")
    with open(schema_path, encoding="utf-8") as file:
        fields = {spec["name"]: Field(spec, dropped) for spec in json.load(file)["fields"]}
    with open(sys.argv[1], encoding="utf-8", newline="") as file:
        films = [prepare(film, fields) for film in csv.DictReader(file)]
    if not films:
        sys.exit(sys.argv[1] + ": no films")
    with open(sys.argv[2], "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(films[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(films)
    uses = collections.Counter(film["use"] for film in films)
    print("films: " + ", ".join("%d %s" % (n, use) for use, n in uses.most_common()), file=sys.stderr)
    for what, n in sorted(dropped.items()):
        print("out of range, now unknown: %d %s" % (n, what), file=sys.stderr)


if __name__ == "__main__":
    main()
