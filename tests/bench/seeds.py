#!/usr/bin/env python3
"""Compare the quality of training with CatBoost's where both are random: seeds.py MERCREDI_TRAIN FOLDER [CASE ...]

Each case is a table and parameters that draw rows, columns and noise. Both trainers fit it with the same ten seeds
(SEEDS=10); losses are those of the test table, both models being applied by CatBoost. Prints a JSON line a case:
means, CatBoost's standard deviation and range over the seeds, and "ok": our mean is within that range or below it.
Without names all generated cases run. A case that is not among them is a table FOLDER/CASE.csv, CASE.test.csv, CASE.cd
with the target first, as train_cases.py writes them; CASE:0.2 sets rsm; there "ok" means at most 0.5 % above.
"""
import json
import os
import statistics
import subprocess
import sys

import numpy as np
from catboost import CatBoost, Pool

SEEDS = int(os.environ.get("SEEDS", "10"))
ROWS, TEST = 3000, 6000
RANDOM = {"iterations": 150, "learning_rate": 0.1, "depth": 6, "random_strength": 1, "rsm": 0.6, "bootstrap_type": "Bayesian",
          "bagging_temperature": 1}
TABLE = {"loss_function": "RMSE", "iterations": 1000, "learning_rate": 0.03, "depth": 6, "l2_leaf_reg": 3, "border_count": 254,
         "random_strength": 1, "bootstrap_type": "Bernoulli", "subsample": 0.8, "max_ctr_complexity": 1}


def zipf(rng, n, rows):
    share = 1 / (3.0 + np.arange(n))
    return rng.choice(n, rows, p=share / share.sum())


def numeric(rng, n):
    x = rng.normal(size=(n, 20))
    y = 2 * np.sin(np.pi * x[:, 0] * x[:, 1] / 3) + x[:, 2] ** 2 + 1.5 * x[:, 3] + x[:, 4] * (x[:, 5] > 0) + rng.normal(size=n)
    x[rng.random(x.shape) < 0.05] = np.nan
    return x, [], y, {"loss_function": "RMSE"}


def categories(rng, n):
    x = rng.normal(size=(n, 4))
    sizes = (1500, 300, 40)
    effects = [np.random.default_rng(k).normal(size=s) * (1, 0.8, 0.6)[k] for k, s in enumerate(sizes)]
    cats = [zipf(rng, s, n) for s in sizes]
    y = sum(e[c] for e, c in zip(effects, cats)) + x[:, 0] + rng.normal(size=n) * 0.7
    return x, cats, y, {"loss_function": "RMSE", "max_ctr_complexity": 2}


def mixed(rng, n):
    x = rng.normal(size=(n, 10))
    cats = [zipf(rng, 200, n), zipf(rng, 12, n), rng.integers(0, 2, n)]
    effect = np.random.default_rng(9).normal(size=200)
    y = np.where(cats[2] == 1, x[:, 0], -x[:, 1]) + effect[cats[0]] * (1 + 0.5 * (x[:, 2] > 0)) + 0.3 * (cats[1] % 3) + rng.normal(size=n)
    return x, cats, y, {"loss_function": "MAE"}


def heavy_tailed(rng, n):
    x = np.exp(rng.normal(size=(n, 12)))
    rate = np.exp(0.6 * np.log(x[:, 0]) - 0.4 * np.log(x[:, 1]) + 0.5 * (x[:, 2] > 1))
    return x, [zipf(rng, 60, n)], rng.poisson(rate * rng.gamma(2, 0.5, n)), {"loss_function": "Poisson"}


def classification(rng, n):
    x = rng.normal(size=(n, 15))
    score = x[:, 0] * x[:, 1] + x[:, 2] - 0.5 * x[:, 3] ** 2 + 0.4
    return x, [zipf(rng, 100, n)], (rng.random(n) < 1 / (1 + np.exp(-1.5 * score))).astype(int), {"loss_function": "Logloss"}


CASES = {f.__name__: f for f in (numeric, categories, mixed, heavy_tailed, classification)}


def write(path, x, cats, y):
    with open(path, "w", encoding="utf-8") as f:
        f.write(",".join(["y"] + ["f%d" % k for k in range(x.shape[1])] + ["c%d" % k for k in range(len(cats))]) + "\n")
        for i in range(len(y)):
            cells = ["%.7g" % y[i]] + ["%.6g" % v if v == v else "" for v in x[i]] + ["w%d" % c[i] for c in cats]
            f.write(",".join(cells) + "\n")


def make(folder, name):
    """The files of a generated case, its parameters."""
    x, cats, y, params = CASES[name](np.random.default_rng(sorted(CASES).index(name) + 1), ROWS + TEST)
    path = os.path.join(folder, name)
    write(path + ".csv", x[:ROWS], [c[:ROWS] for c in cats], y[:ROWS])
    write(path + ".test.csv", x[ROWS:], [c[ROWS:] for c in cats], y[ROWS:])
    with open(path + ".cd", "w", encoding="utf-8") as f:
        for i, kind in enumerate(["Label"] + ["Num"] * x.shape[1] + ["Categ"] * len(cats)):
            f.write("%d\t%s\n" % (i, kind))
    return dict(RANDOM, **params)


def loss(model, pool, name):
    y, raw = np.array(pool.get_label(), float), np.asarray(model.predict(pool, prediction_type="RawFormulaVal"))
    return float({"RMSE": lambda: np.sqrt(np.mean((y - raw) ** 2)), "MAE": lambda: np.mean(np.abs(y - raw)),
                  "Poisson": lambda: np.mean(np.exp(raw) - y * raw),
                  "Logloss": lambda: np.mean(np.logaddexp(0, -raw * (2 * y - 1)))}[name]())


def compare(program, folder, case):
    name, _, rsm = case.partition(":")
    path, out = os.path.join(folder, name), os.path.join(folder, "seed.cbm")
    params = make(folder, name) if name in CASES else dict(TABLE, **({"rsm": float(rsm)} if rsm else {}))
    pool, test = (Pool(path + end, column_description=path + ".cd", delimiter=",", has_header=True) for end in (".csv", ".test.csv"))
    ours, theirs = [], []
    for seed in range(SEEDS):
        p = dict(params, random_seed=seed)
        subprocess.check_call([program, "fit", "--data", path + ".csv", "--cd", path + ".cd", "--quiet", "--model-out", out,
                               "--set", " ".join(f"{k}={v}" for k, v in p.items())], stderr=subprocess.DEVNULL)
        ours.append(loss(CatBoost().load_model(out), test, p["loss_function"]))
        model = CatBoost(dict(p, allow_writing_files=False, verbose=0))
        model.fit(pool)
        theirs.append(loss(model, test, p["loss_function"]))
    mean, peer = statistics.mean(ours), statistics.mean(theirs)
    return {"case": case, "loss": params["loss_function"], "seeds": SEEDS, "mean": round(mean, 5), "peer_mean": round(peer, 5),
            "ratio": round(mean / peer, 5), "sd": round(statistics.stdev(ours), 5), "peer_sd": round(statistics.stdev(theirs), 5),
            "peer_min": round(min(theirs), 5), "peer_max": round(max(theirs), 5),
            "ok": mean <= (max(theirs) if name in CASES else peer * 1.005)}


if __name__ == "__main__":
    os.makedirs(sys.argv[2], exist_ok=True)
    results = []
    for case_name in sys.argv[3:] or sorted(CASES):
        results.append(compare(sys.argv[1], sys.argv[2], case_name))
        print(json.dumps(results[-1]), flush=True)
    sys.exit(not all(r["ok"] for r in results))
