#!/usr/bin/env python3
"""Add monthly admissions of all cinemas to a calendar: months.py CALENDAR.json MONTHS.csv OUT.json

MONTHS.csv has the columns month (YYYY-MM), admissions_millions and published (the day its figure was published: features
use a figure only from then on). The CNC publishes them; they are not part of this repository. Plain Python 3.
"""
import csv
import json
import sys

calendar, months, out = sys.argv[1:]
with open(calendar, encoding="utf-8") as f:
    table = json.load(f)
with open(months, encoding="utf-8", newline="") as f:
    rows = [(r["month"], float(r["admissions_millions"]), r["published"]) for r in csv.DictReader(f) if r["admissions_millions"]]
table["months"] = {"cinema_admissions": sorted(rows)}
with open(out, "w", encoding="utf-8") as f:
    json.dump(table, f)
    f.write("\n")
