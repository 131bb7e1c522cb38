#!/usr/bin/env python3
"""Writes fold_table.c from Python's Unicode data: python3 common/forecast/fold_table.py > common/forecast/fold_table.c

One row per run of code points from U+0080 on that fold to something other than one blank: nothing at all (combining
marks), letters and digits, or several of them with blanks. In a run the last letter stays (step 0) or advances (1)."""
import re
import unicodedata


def fold(c):
    s = unicodedata.normalize("NFKD", chr(c))
    s = "".join(x for x in s if not unicodedata.combining(x)).lower().replace("œ", "oe").replace("æ", "ae")
    return re.sub("[^a-z0-9]+", " ", s)


runs = []  # first, last, text, step
for c in range(0x80, 0x110000):
    if 0xD800 <= c < 0xE000 or (t := fold(c)) == " ":
        continue
    if runs and runs[-1][1] == c - 1:
        first, last, text, step = runs[-1]
        follows = len(text) == 1 and len(t) == 1 and ord(t) == ord(text) + (c - first)
        if t == text and (step == 0 or first == last):
            runs[-1] = (first, c, text, 0)
            continue
        if follows and (step == 1 or first == last):
            runs[-1] = (first, c, text, 1)
            continue
    runs.append((c, c, t, 0))
width = max(len(r[2]) for r in runs)
print("/* Written by fold_table.py from Unicode %s; do not edit. */" % unicodedata.unidata_version)
print('#include "common/forecast/fold_table.h"\n')
print("/* clang-format off */\nconst struct fold_run fold_runs[] = {")
line = "   "
for first, last, text, step in runs:
    item = ' {0x%x, %d, %d, "%s"},' % (first, last - first + 1, step, text)
    if len(line) + len(item) > 120:
        print(line)
        line = "   "
    line += item
print(line)
print("};\n/* clang-format on */\n\nconst unsigned fold_runs_count = sizeof(fold_runs) / sizeof(fold_runs[0]);")
import sys
print(len(runs), width, file=sys.stderr)
