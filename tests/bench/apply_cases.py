#!/usr/bin/env python3
"""Train the models of the evaluation benchmark with CatBoost: apply_cases.py OUT_DIR CASE...

a: 50 floats, 1000 trees of depth 6; b: 28 floats, 5000 trees of depth 8; c: 30 floats and 10 categories of 2 to 12,000
values, 1000 trees with statistics of single categories, pairs, and categories with number splits;
d: five quantiles, 500 trees; e: 136 floats, 20,000 trees. Each OUT_DIR/CASE gets model.cbm, rows.f32, cats.csv (c) and
case.json. A case that is there already is kept. Deterministic; needs numpy and catboost.
"""
import json
import os
import sys

import numpy as np

CASES = {
    "a": dict(rows=20000, floats=50, cats=0, loss_function="RMSE", iterations=1000, depth=6, border_count=128),
    "b": dict(rows=20000, floats=28, cats=0, loss_function="Logloss", iterations=5000, depth=8, border_count=128),
    "c": dict(rows=20000, floats=30, cats=10, loss_function="RMSE", iterations=1000, depth=6, border_count=128,
              max_ctr_complexity=2),
    "d": dict(rows=20000, floats=50, cats=0, loss_function="MultiQuantile:alpha=0.05,0.25,0.5,0.75,0.95",
              iterations=500, depth=6, border_count=128),
    "e": dict(rows=3000, floats=136, cats=0, loss_function="RMSE", iterations=20000, depth=6, border_count=64),
}
LEARNING_RATE = {"b": 0.02, "e": 0.02}
APPLY_ROWS = {"e": 10000}
CARDINALITIES = [2, 5, 12, 30, 80, 200, 600, 1500, 4000, 12000]


def table(rng, n, k):
    """Gaussian, skewed, counting and bounded columns in turn; every seventh has holes."""
    makers = [lambda: rng.standard_normal(n), lambda: rng.lognormal(2, 1.3, n),
              lambda: np.floor(rng.exponential(12, n)), lambda: rng.beta(1.5, 3, n)]
    x = np.stack([makers[j % 4]() for j in range(k)], axis=1).astype(np.float32)
    for j in range(0, k, 7):
        x[rng.random(n) < 0.08, j] = np.nan
    return x


def categories(rng, n, k):
    """Few values: even; many: the first are much more frequent."""
    return np.stack([rng.integers(0, c, n) if c <= 100 else np.minimum(rng.zipf(1.3, n), c) - 1
                     for c in CARDINALITIES[:k]], axis=1)


def answer(rng, x, cats):
    z = np.nan_to_num(x[:, :12].astype(np.float64), nan=-1.0)
    z = np.tanh((z - np.median(z, axis=0)) / (z.std(axis=0) + 1e-9))
    y = z[:, 0] + z[:, 1] * z[:, 2] - z[:, 3] * (z[:, 4] > 0) + np.sin(3 * z[:, 5]) + 0.5 * z[:, 6] * z[:, 7]
    for j in range(0 if cats is None else cats.shape[1]):
        y = y + 0.3 * np.cos(cats[:, j] * (1.3 + j))
    return y + 0.4 * rng.standard_normal(len(y))


def make(folder, name):
    from catboost import CatBoost, Pool
    shape = dict(CASES[name])
    n, floats, cats = shape.pop("rows"), shape.pop("floats"), shape.pop("cats")
    apply_rows = APPLY_ROWS.get(name, 30000)
    rng = np.random.default_rng(ord(name))
    x = table(rng, n + apply_rows, floats)
    codes = categories(rng, n + apply_rows, cats) if cats else None
    y = answer(rng, x, codes)
    if shape["loss_function"] == "Logloss":
        y = (y > np.median(y)).astype(int)
    data = x[:n]
    if cats:
        data = np.concatenate([x[:n].astype(object), codes[:n].astype(str).astype(object)], axis=1)
    pool = Pool(data, y[:n], cat_features=list(range(floats, floats + cats)))
    model = CatBoost(dict(shape, learning_rate=LEARNING_RATE.get(name, 0.05), boosting_type="Plain", random_seed=1, verbose=0,
                          allow_writing_files=False))
    model.fit(pool)
    os.makedirs(folder)
    model.save_model(os.path.join(folder, "model.cbm"))
    x[n:].tofile(os.path.join(folder, "rows.f32"))
    if cats:
        np.savetxt(os.path.join(folder, "cats.csv"), codes[n:].astype(str), fmt="%s", delimiter=",")
    with open(os.path.join(folder, "case.json"), "w") as f:
        json.dump(dict(rows=apply_rows, floats=floats, cats=cats), f)


for case in sys.argv[2:]:
    target = os.path.join(sys.argv[1], case)
    if not os.path.exists(os.path.join(target, "case.json")):
        print(f"training case {case}", file=sys.stderr, flush=True)
        make(target, case)
