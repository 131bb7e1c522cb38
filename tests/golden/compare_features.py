"""Compare the derived features of every core film with a reference: equal as float32, categories by text.

Usage: compare_features.py OURS.csv REFERENCE.csv   The last line counts features: "N passed, N failed".
"""
import csv
import sys

import numpy


def read(path):
    with open(path, encoding="utf-8", newline="") as file:
        return {row["film_id"]: row for row in csv.DictReader(file)}


def number(text):
    return numpy.float32(text) if text else numpy.float32("nan")


def equal(ours, theirs, category):
    if category:
        return ours == theirs
    a, b = number(ours), number(theirs)
    return a == b or (numpy.isnan(a) and numpy.isnan(b))


def main():
    ours, reference = read(sys.argv[1]), read(sys.argv[2])
    if list(ours) != list(reference):
        sys.exit("other films, or another order: %d and %d" % (len(ours), len(reference)))
    names = [name for name in next(iter(ours.values())) if name != "film_id"]
    passed = failed = 0
    for name in names:
        category = name.startswith("c_")
        wrong = [f for f in ours if not equal(ours[f][name], reference[f][name], category)]
        passed, failed = passed + (not wrong), failed + bool(wrong)
        if wrong:
            shown = ["%s: %s, not %s" % (f, ours[f][name], reference[f][name]) for f in wrong[:3]]
            print("FAILED: %s differs in %d of %d films; %s" % (name, len(wrong), len(ours), "; ".join(shown)))
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
