#!/usr/bin/env python3
"""LossFunctionChange against CatBoost's: importance_on_data.py MERCREDI_TRAIN. Last line: "N passed, N failed"."""
import json
import subprocess
import sys
import tempfile

import numpy as np
from catboost import CatBoost, Pool

LOSSES = ["RMSE", "Logloss", "CrossEntropy", "MAE", "MultiClass", "Poisson", "Quantile:alpha=0.8"]


def target(loss, z):
    if loss == "Logloss":
        return (z > 0).astype(int)
    if loss == "CrossEntropy":
        return 1 / (1 + np.exp(-z))
    if loss == "MultiClass":
        return np.digitize(z, [-0.5, 0.5])
    return np.floor(np.exp(z / 2)) if loss == "Poisson" else z


def ours(program, folder, x, y):
    with open(f"{folder}/rows.csv", "w") as f:
        f.write("a,b,c,d,y\n")
        for row, t in zip(x, y):
            f.write(",".join(repr(float(v)) for v in row) + f",{t}\n")
    with open(f"{folder}/columns.json", "w") as f:
        json.dump([{"name": n, "kind": "num"} for n in "abcd"] + [{"name": "y", "kind": "target"}], f)
    out = subprocess.check_output([program, "importance", f"{folder}/m.cbm", "--data", f"{folder}/rows.csv", "--columns",
                                   f"{folder}/columns.json"], text=True)
    return np.array([float(line.split(",")[1]) for line in out.split("\n")[1:] if line])


failed = 0
for loss in LOSSES:
    g = np.random.default_rng(3)
    x = g.standard_normal((600, 4)).astype(np.float32)
    y = target(loss, x[:, 0] + x[:, 1] * x[:, 2] + 0.3 * g.standard_normal(600))
    model = CatBoost(dict(loss_function=loss, iterations=50, depth=4, verbose=0, allow_writing_files=False)).fit(x, y)
    with tempfile.TemporaryDirectory() as folder:
        model.save_model(f"{folder}/m.cbm")
        want = np.array(model.get_feature_importance(Pool(x, y), type="LossFunctionChange"))
        got = ours(sys.argv[1], folder, x, y)
    # CatBoost's logarithm and exponential are approximate, its sums are ours to rounding
    if got.shape != want.shape or np.abs(got - want).max() > 1e-4 * np.abs(want).max():
        failed += 1
        print(f"{loss}: {got}, expected {want}")
print(f"{len(LOSSES) - failed} passed, {failed} failed")
sys.exit(failed != 0)
