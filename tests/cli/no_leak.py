"""Nothing that is known only after the Monday of a decision touches a prediction for it.

usage: no_leak.py MERCREDI-TRAIN FILMS.csv TRAIN-UNTIL WORK-FOLDER MONDAY [MONDAY...] [-- options of backtest]

A film of the week that begins on Wednesday D is forecast from films released up to D - 14 days, whose first week was
over a week before. So: back-test up to that week; do it again after every cell of films released later has been dealt
out anew among them, entries of the week's own films too, but not what is known of these beforehand; all predictions of
the week and of films up to D - 14 must be the same bytes, intervals too. The other way round, dealing out entries of
the films before D - 14 must change something, or the test would show nothing.
"""
import csv
import datetime
import os
import random
import subprocess
import sys

arguments = sys.argv[1:]
options = arguments[arguments.index("--") + 1:] if "--" in arguments else []
arguments = arguments[:arguments.index("--")] if "--" in arguments else arguments
program, source, until, work = arguments[:4]
films = list(csv.DictReader(open(source, encoding="utf-8")))
fixed = {"film_id", "release_date"}  # what orders the file


def day(text):
    return datetime.date.fromisoformat(text)


def predictions(rows, wednesday, name):
    path = os.path.join(work, name + ".csv")
    with open(path, "w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, films[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    found = os.path.join(work, name + ".predictions")
    first, last = day(until) + datetime.timedelta(1), wednesday + datetime.timedelta(6)
    subprocess.run([program, "backtest", "--data", path, "--train-until", until, "--test", f"{first}..{last}",
                    "--predictions", found, "-q", *options], check=True, stdout=subprocess.DEVNULL)
    return {line.split(",")[0]: line for line in open(found, encoding="utf-8")}


def dealt(rows, chosen, columns, seed):
    """A copy of rows in which the chosen ones' values are dealt out among them, each column by itself."""
    rows = [dict(r) for r in rows]
    for column in columns:
        places = [i for i in range(len(rows)) if chosen(rows[i], column)]
        values = [films[i][column] for i in places]
        random.Random(f"{seed} {column}").shuffle(values)
        for i, value in zip(places, values):
            rows[i][column] = value
    return rows


compared = changed = later = 0
for monday in arguments[4:]:
    wednesday = day(monday) + datetime.timedelta(2)
    assert wednesday.weekday() == 2, f"{monday} is no Monday"
    known = wednesday - datetime.timedelta(14)
    week = {f["film_id"] for f in films if 0 <= (day(f["release_date"]) - wednesday).days < 7}

    def is_later(film, column):
        return day(film["release_date"]) > known and (film["film_id"] not in week or column == "first_week_entries")

    def is_known(film, column):
        return 0 <= (known - day(film["release_date"])).days < 150 and film["first_week_entries"] != ""

    before = predictions(films, wednesday, "before")
    columns = [c for c in films[0] if c not in fixed]
    shuffled = dealt(films, is_later, columns, monday)
    later += sum(a != b for a, b in zip(films, shuffled))
    after = predictions(shuffled, wednesday, "after")
    released = {f["film_id"]: day(f["release_date"]) for f in films}
    for film, line in before.items():
        if film in week or (film in released and released[film] <= known):
            compared += film in week
            if after.get(film) != line:
                sys.exit(f"{monday}: {film} was {line.strip()}, and with another future {str(after.get(film)).strip()}")
    other = predictions(dealt(films, is_known, ["first_week_entries"], monday), wednesday, "other")
    changed += sum(other[film] != before[film] for film in week if film in before)
if compared == 0 or later == 0 or changed == 0:
    sys.exit(f"nothing was tested: {compared} films compared, {later} later films changed, the past moves {changed}")
print(f"{compared} predictions are the same with another future ({later} films); {changed} follow another past")
