#!/usr/bin/env python3
"""Compare training with CatBoost in one run: train.py MERCREDI_TRAIN FOLDER CASE[:rsm] ... prints one JSON line a case
and number of threads.

Both fit the same table with the same parameters, in turn, ROUNDS times, each in a process of its own. fit_s is from the
table in memory to the finished model; ratio is the median of the rounds' ratios (below 1: faster than CatBoost), so
that a machine whose speed drifts does not decide. peak_rss_mb is what the fit added to the memory in use before it. The
metric is that of the test table, so both models must be worth their time.
"""
import json
import os
import statistics
import subprocess
import sys

ROUNDS = int(os.environ.get("ROUNDS", "3"))
THREADS = [int(t) for t in os.environ.get("THREADS", "1 2").split()]
COMMON = {"depth": 6, "l2_leaf_reg": 3, "border_count": 254, "random_strength": 1, "bootstrap_type": "Bernoulli",
          "subsample": 0.8, "random_seed": 0, "max_ctr_complexity": 1, "boosting_type": "Plain"}
OF_CASE = {"film": {"loss_function": "RMSE", "iterations": 1000, "learning_rate": 0.03},
           "higgs1m": {"loss_function": "Logloss", "iterations": 200, "learning_rate": 0.1}}
OTHERS = {"loss_function": "RMSE", "iterations": 200, "learning_rate": 0.1}

PEER = """
import json, resource, sys, time
from catboost import CatBoost, Pool
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
path, cd, out, threads, params = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), json.loads(sys.argv[5])
pool = Pool(path, column_description=cd, delimiter=",", has_header=True, thread_count=threads)
model, before, start = CatBoost(dict(params, thread_count=threads, allow_writing_files=False, verbose=0)), peak(), time.perf_counter()
model.fit(pool)
print(json.dumps({"fit_s": time.perf_counter() - start, "rss": peak() - before}))
model.save_model(out)
"""
METRIC = """
import sys
import numpy as np
from catboost import CatBoost, Pool
pool = Pool(sys.argv[1], column_description=sys.argv[2], delimiter=",", has_header=True)
y = np.array(pool.get_label(), float)
for path in sys.argv[4:]:
    raw = np.asarray(CatBoost().load_model(path).predict(pool, prediction_type="RawFormulaVal"))
    print(np.mean(np.logaddexp(0, -raw * (2 * y - 1))) if sys.argv[3] == "Logloss" else np.sqrt(np.mean((y - raw) ** 2)))
"""


def run(command):
    return subprocess.check_output(command, text=True, stderr=subprocess.DEVNULL)


def ours(program, path, out, threads, params):
    line = json.loads(run([program, "fit", "--data", path + ".csv", "--cd", path + ".cd", "--threads", str(threads), "--set",
                           " ".join(f"{k}={v}" for k, v in params.items()), "--model-out", out, "--json", "--quiet"]))
    return {"fit_s": line["fit_s"], "rss": line["peak_rss_mb"] - line["rss_before_fit_mb"]}


def peer(path, out, threads, params):
    return json.loads(run([sys.executable, "-c", PEER, path + ".csv", path + ".cd", out, str(threads), json.dumps(params)]))


def compare(program, folder, case, threads):
    name, _, rsm = case.partition(":")
    params = dict(COMMON, **OF_CASE.get(name, OTHERS), **({"rsm": float(rsm)} if rsm else {}))
    path, models = os.path.join(folder, name), [os.path.join(folder, "ours.cbm"), os.path.join(folder, "peer.cbm")]
    pairs = [(ours(program, path, models[0], threads, params), peer(path, models[1], threads, params))
             for _ in range(ROUNDS)]
    metrics = [float(v) for v in run([sys.executable, "-c", METRIC, path + ".test.csv", path + ".cd",
                                      params["loss_function"]] + models).split()]
    middle = lambda values: statistics.median(values)
    return {"case": case, "threads": threads,
            "fit_s": round(middle(a["fit_s"] for a, b in pairs), 3),
            "peer_fit_s": round(middle(b["fit_s"] for a, b in pairs), 3),
            "ratio": round(middle(a["fit_s"] / b["fit_s"] for a, b in pairs), 3),
            "metric": round(metrics[0], 5), "peer_metric": round(metrics[1], 5),
            "peak_rss_mb": round(middle(a["rss"] for a, b in pairs), 1),
            "peer_peak_rss_mb": round(middle(b["rss"] for a, b in pairs), 1)}


for case_name in sys.argv[3:]:
    for count in THREADS:
        print(json.dumps(compare(sys.argv[1], sys.argv[2], case_name, count)), flush=True)
