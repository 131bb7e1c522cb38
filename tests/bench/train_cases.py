#!/usr/bin/env python3
"""Write the training benchmark's tables: train_cases.py FOLDER CASE... makes FOLDER/CASE.csv, .test.csv and .cd.

Deterministic. The tables imitate what people train on: a small wide one with words, a middle one with missing values,
one with many categories, a long one with classes. Numbers have at most six digits; the target is column 0.
"""
import os
import sys

import numpy as np

CASES = {  # rows, numeric columns, distinct words of each categorical column
    "film": (7000, 86, (190, 20, 70, 7)),
    "num100k": (100000, 50, ()),
    "cat200k": (200000, 10, (20000, 5000, 500)),
    "higgs1m": (1000000, 28, ()),
}


def table(name, rows, width, words, rng):
    x = rng.normal(size=(rows, width)).astype(np.float32)
    x[:, 1::4] = np.exp(x[:, 1::4])               # skewed
    x[:, 2::4] = np.round(x[:, 2::4] * 3) / 3     # few distinct values
    y = x[:, 0] * (x[:, 4] > 0) + np.sin(2 * x[:, 3]) + np.log(x[:, 1]) * 0.7 + 0.5 * x[:, 2] * x[:, 7]
    cats = []
    for n in words:
        shares = 1 / (5.0 + np.arange(n)) ** 0.9
        code = rng.choice(n, rows, p=shares / shares.sum())
        y = y + rng.normal(size=n)[code] * 0.8
        cats.append(code)
    if name == "higgs1m":
        y = (rng.random(rows) < 1 / (1 + np.exp(-y))).astype(float)
    else:
        y = y + rng.normal(size=rows)
    x[rng.random(x.shape) < 0.02] = np.nan
    return x, y, cats


def write(path, header, x, y, cats):
    with open(path, "w", encoding="utf-8") as f:
        f.write(",".join(header) + "\n")
        for i in range(len(y)):
            cells = ["%.6g" % y[i]] + ["%.6g" % v if v == v else "" for v in x[i]]
            f.write(",".join(cells + ["w%d" % c[i] for c in cats]) + "\n")


def make(folder, name):
    done = os.path.join(folder, name + ".cd")
    if os.path.exists(done):
        return
    rows, width, words = CASES[name]
    x, y, cats = table(name, rows + rows // 5, width, words, np.random.default_rng(sorted(CASES).index(name) + 20))
    header = ["y"] + ["f%d" % i for i in range(width)] + ["c%d" % i for i in range(len(words))]
    write(os.path.join(folder, name + ".csv"), header, x[:rows], y[:rows], [c[:rows] for c in cats])
    write(os.path.join(folder, name + ".test.csv"), header, x[rows:], y[rows:], [c[rows:] for c in cats])
    kinds = ["Label"] + ["Num"] * width + ["Categ"] * len(words)
    with open(done + ".tmp", "w", encoding="utf-8") as f:
        f.writelines("%d\t%s\t%s\n" % (i, kinds[i], header[i]) for i in range(len(header)))
    os.replace(done + ".tmp", done)


if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    for case in sys.argv[2:]:
        make(sys.argv[1], case)
