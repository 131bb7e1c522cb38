#!/usr/bin/env python3
"""Compare training with CatBoost and LightGBM in one run: train.py MERCREDI_TRAIN FOLDER CASE[:rsm|:default] ... prints
one JSON line a case and number of threads; with :default all parameters but loss and iterations are CatBoost's defaults,
which LightGBM does not have.

All fit the same table with the same parameters, in turn, ROUNDS times, each in a process of its own. fit_s is from the
table in memory to the finished model; ratio is the median of the rounds' ratios to CatBoost (below 1: faster), so that
a machine whose speed drifts does not decide; cpu_ratio is the same of CPU seconds, which a busy machine disturbs less.
peak_rss_mb is what the fit added to the memory in use before it. The metric is that of the test table, so that every
model must be worth its time. LightGBM is left out where it is not installed, or LIGHTGBM=0.
"""
import importlib.util
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
model = CatBoost(dict(params, thread_count=threads, allow_writing_files=False, verbose=0))
before, cpu, start = peak(), time.process_time(), time.perf_counter()
model.fit(pool)
print(json.dumps({"fit_s": time.perf_counter() - start, "cpu_s": time.process_time() - cpu, "rss": peak() - before}))
model.save_model(out)
"""
LIGHTGBM = """
import json, resource, sys, time
import lightgbm, numpy as np, pandas as pd
path, cd, threads, p = sys.argv[1], sys.argv[2], int(sys.argv[4]), json.loads(sys.argv[5])
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
kinds = [line.rstrip().split("\\t") for line in open(cd)]
types = {k[2]: "category" if k[1] == "Categ" else "float32" for k in kinds}
table = pd.read_csv(path + ".csv", dtype=types)
test = pd.read_csv(path + ".test.csv", dtype={k: "str" if v == "category" else v for k, v in types.items()})
for k, v in types.items():
    if v == "category":
        known = table[k].cat.categories
        test[k] = pd.Categorical(test[k].where(test[k].isin(known)), categories=known)
classes = p["loss_function"] == "Logloss"
params = {"objective": "binary" if classes else "regression", "learning_rate": p["learning_rate"], "num_leaves": 2 ** p["depth"],
          "max_depth": p["depth"], "lambda_l2": p["l2_leaf_reg"], "max_bin": p["border_count"] + 1, "bagging_fraction": p["subsample"],
          "bagging_freq": 1, "feature_fraction_bynode": p.get("rsm", 1), "num_threads": threads, "force_col_wise": True,
          "verbose": -1, "seed": 0}
x, y = table.drop(columns="y"), table["y"]
before, cpu, start = peak(), time.process_time(), time.perf_counter()
model = lightgbm.train(params, lightgbm.Dataset(x, y), p["iterations"])
result = {"fit_s": time.perf_counter() - start, "cpu_s": time.process_time() - cpu, "rss": peak() - before}
raw, y = model.predict(test.drop(columns="y"), raw_score=True), test["y"].values
result["metric"] = float(np.mean(np.logaddexp(0, -raw * (2 * y - 1))) if classes else np.sqrt(np.mean((y - raw) ** 2)))
print(json.dumps(result))
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
    return {"fit_s": line["fit_s"], "cpu_s": line["fit_cpu_s"], "rss": line["peak_rss_mb"] - line["rss_before_fit_mb"]}


def peer(path, out, threads, params):
    return json.loads(run([sys.executable, "-c", PEER, path + ".csv", path + ".cd", out, str(threads), json.dumps(params)]))


def lightgbm(path, threads, params):
    return json.loads(run([sys.executable, "-c", LIGHTGBM, path, path + ".cd", "", str(threads), json.dumps(params)]))


def has_lightgbm():
    return os.environ.get("LIGHTGBM") != "0" and importlib.util.find_spec("lightgbm") and importlib.util.find_spec("pandas")


def compare(program, folder, case, threads):
    name, _, rsm = case.partition(":")
    params = dict(COMMON, **OF_CASE.get(name, OTHERS), **({"rsm": float(rsm)} if rsm not in ("", "default") else {}))
    if rsm == "default":
        params = {k: params[k] for k in ("loss_function", "iterations")}
    path, models = os.path.join(folder, name), [os.path.join(folder, "ours.cbm"), os.path.join(folder, "peer.cbm")]
    others = rsm != "default" and has_lightgbm()
    rounds = [(ours(program, path, models[0], threads, params), peer(path, models[1], threads, params),
               lightgbm(path, threads, params) if others else None) for _ in range(ROUNDS)]
    metrics = [float(v) for v in run([sys.executable, "-c", METRIC, path + ".test.csv", path + ".cd",
                                      params["loss_function"]] + models).split()]
    middle = lambda i, key: round(statistics.median(r[i][key] for r in rounds), 3)
    ratio = lambda i, key: round(statistics.median(r[i][key] / r[1][key] for r in rounds), 3)
    line = {"case": case, "threads": threads, "fit_s": middle(0, "fit_s"), "peer_fit_s": middle(1, "fit_s"),
            "ratio": ratio(0, "fit_s"), "cpu_s": middle(0, "cpu_s"), "peer_cpu_s": middle(1, "cpu_s"),
            "cpu_ratio": ratio(0, "cpu_s"), "metric": round(metrics[0], 5), "peer_metric": round(metrics[1], 5),
            "peak_rss_mb": middle(0, "rss"), "peer_peak_rss_mb": middle(1, "rss")}
    if others:
        line.update(lightgbm_fit_s=middle(2, "fit_s"), lightgbm_ratio=ratio(2, "fit_s"),
                    lightgbm_metric=round(rounds[0][2]["metric"], 5), lightgbm_peak_rss_mb=middle(2, "rss"))
    return line


for case_name in sys.argv[3:]:
    for count in THREADS:
        print(json.dumps(compare(sys.argv[1], sys.argv[2], case_name, count)), flush=True)
