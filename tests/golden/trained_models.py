"""trained_models.py MERCREDI_TRAIN FOLDER: see trained.sh. Last line: N passed, N failed."""
import json
import os
import subprocess
import sys

import numpy as np
from catboost import CatBoost, Pool

PROGRAM, FOLDER = sys.argv[1:]
ROWS = 500
STILL = {"bootstrap_type": "No", "random_strength": 0, "has_time": True}
# name, target, parameters, does CatBoost train the same model?
MODELS = [
    ("defaults", "number", {}, True),
    ("still", "number", dict(STILL, depth=5), True),
    ("l2 median", "number", dict(STILL, score_function="L2", feature_border_type="Median", border_count=20), True),
    ("uniform and quantiles", "number", dict(STILL, feature_border_type="UniformAndQuantiles", border_count=30), True),
    ("uniform, missing above", "number", dict(STILL, feature_border_type="Uniform", nan_mode="Max"), True),
    ("max log sum", "number", dict(STILL, feature_border_type="MaxLogSum", border_count=16), False),  # borders of equal worth
    ("wide borders", "number", dict(STILL, border_count=400), True),
    ("deep", "number", dict(STILL, depth=12, iterations=3), True),
    ("bernoulli rsm", "number", {"bootstrap_type": "Bernoulli", "subsample": 0.7, "rsm": 0.4, "max_ctr_complexity": 1}, True),
    ("bayesian", "number", {"bootstrap_type": "Bayesian", "bagging_temperature": 2, "max_ctr_complexity": 1}, True),
    ("one hot", "number", dict(STILL, one_hot_max_size=50), True),
    ("statistics", "number", dict(STILL, max_ctr_complexity=1, simple_ctr=["Borders:Prior=0.5/1:TargetBorderCount=3", "Buckets",
                                                                         "BinarizedTargetMeanValue", "Counter"]), True),
    ("combinations", "number", dict(STILL, max_ctr_complexity=3), True),
    ("mae", "number", dict(STILL, loss_function="MAE", max_ctr_complexity=1), True),
    ("quantile", "number", dict(STILL, loss_function="Quantile:alpha=0.8", max_ctr_complexity=1), True),
    ("multi quantile", "number", dict(STILL, loss_function="MultiQuantile:alpha=0.1,0.5,0.9", max_ctr_complexity=1), True),
    ("uncertainty", "number", dict(STILL, loss_function="RMSEWithUncertainty", max_ctr_complexity=1), True),
    ("poisson", "count", dict(STILL, loss_function="Poisson", leaf_estimation_iterations=1, max_ctr_complexity=1), True),
    ("tweedie", "count", dict(STILL, loss_function="Tweedie:variance_power=1.4", max_ctr_complexity=1), True),
    ("logloss", "binary", dict(STILL, loss_function="Logloss", leaf_estimation_iterations=1, max_ctr_complexity=1), True),
    ("logloss gradient", "binary", dict(STILL, loss_function="Logloss", leaf_estimation_method="Gradient",
                                        leaf_estimation_iterations=1, boost_from_average=True, max_ctr_complexity=1), True),
    ("cross entropy", "share", dict(STILL, loss_function="CrossEntropy", leaf_estimation_iterations=1, max_ctr_complexity=1), True),
    ("multi class", "class", dict(STILL, loss_function="MultiClass", one_hot_max_size=50), True),
    ("class statistics", "class", dict(STILL, loss_function="MultiClass", max_ctr_complexity=1), True),
]


def write_tables():
    rng = np.random.default_rng(8)
    x = rng.normal(size=(ROWS, 5))
    x[:, 1] = np.round(x[:, 1] * 2)
    cats = [rng.integers(0, 30, ROWS), rng.integers(0, 6, ROWS), rng.integers(0, 2, ROWS)]
    y = 2 * x[:, 0] + np.sin(2 * x[:, 3]) + (cats[0] % 4) * 0.7 + (cats[1] == 2) + cats[2] * x[:, 4] + rng.normal(size=ROWS) * 0.5
    x[rng.random(x.shape) < 0.05] = np.nan
    targets = {"number": y, "count": rng.poisson(np.exp(y / 4)), "binary": (y > 0.5).astype(int), "share": 1 / (1 + np.exp(-y)),
               "class": np.digitize(y, (-1, 1, 2))}
    for name, target in targets.items():
        with open(os.path.join(FOLDER, name + ".csv"), "w", encoding="utf-8") as f:
            f.write("y,w,a,b,c,d,e,k,l,m\n")
            for i in range(ROWS):
                cells = ["%.7g" % target[i], "%d" % (1 + i % 3)] + ["%.6g" % v if v == v else "" for v in x[i]]
                f.write(",".join(cells + ["v%d" % c[i] for c in cats]) + "\n")
    kinds = ["target", "weight"] + ["num"] * 5 + ["cat"] * 3
    names = "y w a b c d e k l m".split()
    with open(os.path.join(FOLDER, "columns.json"), "w", encoding="utf-8") as f:
        json.dump([{"name": n, "kind": k} for n, k in zip(names, kinds)], f)
    word = {"target": "Label", "weight": "Weight", "num": "Num", "cat": "Categ"}
    with open(os.path.join(FOLDER, "table.cd"), "w", encoding="utf-8") as f:
        f.writelines("%d\t%s\t%s\n" % (i, word[k], n) for i, (n, k) in enumerate(zip(names, kinds)))


def check(target, params, twin):
    table, cd, model = (os.path.join(FOLDER, n) for n in (target + ".csv", "table.cd", "model.cbm"))
    params = dict({"iterations": 15, "learning_rate": 0.2, "depth": 4}, **params)
    with open(os.path.join(FOLDER, "params.json"), "w", encoding="utf-8") as f:
        json.dump(params, f)
    columns = ["--columns", os.path.join(FOLDER, "columns.json"), "--data", table]
    subprocess.check_call([PROGRAM, "fit", "--params", os.path.join(FOLDER, "params.json"), "--quiet", "--model-out", model] +
                          columns, stderr=subprocess.DEVNULL)
    lines = subprocess.check_output([PROGRAM, "predict", "--model", model, "--float", "hex"] + columns, text=True).split()[1:]
    ours = np.array([[float.fromhex(v) for v in line.split(",")] for line in lines])
    pool = Pool(table, column_description=cd, delimiter=",", has_header=True)
    raw = np.asarray(CatBoost().load_model(model).predict(pool, prediction_type="RawFormulaVal", thread_count=1))
    if raw.reshape(ours.shape).tobytes() != ours.tobytes():
        return "CatBoost predicts other scores: %g apart" % np.max(np.abs(raw.reshape(ours.shape) - ours))
    if twin:
        peer = CatBoost(dict(params, allow_writing_files=False, verbose=0, thread_count=1))
        peer.fit(pool)
        apart = np.max(np.abs(np.asarray(peer.predict(pool, prediction_type="RawFormulaVal")).reshape(ours.shape) - ours))
        if not apart < 1e-7:  # CatBoost takes its own exponential in some losses
            return "CatBoost trains another model: scores are %g apart" % apart
    return None


write_tables()
failed = 0
for name, target, params, twin in MODELS:
    problem = check(target, params, twin)
    if problem:
        failed += 1
        print("FAILED: %s: %s" % (name, problem))
print("%d passed, %d failed" % (len(MODELS) - failed, failed))
sys.exit(failed > 0)
