#!/usr/bin/env python3
"""Compare evaluation with CatBoost in one run: apply.py BENCH_APPLY CASES_DIR CASE... prints a table, then JSON lines.

CatBoost (one thread, a ready Pool) and libmercredi take turns, ROUNDS times; a ratio is the median of the rounds'
ratios, so that a machine whose speed drifts does not decide, and one thread's work is measured in processor time, so
that a busy one disturbs least. peer modes: batch and rows100 use a ready Pool; single calls predict on one row, as a
Python service does. load is the time to open the model (ns in all), memory_kb what stays resident of it.
peer "jni" is CatBoost's C++ evaluator without Python around it, where CATBOOST_CLASSPATH names the jars of
ai.catboost:catboost-prediction and there is a java.
"""
import json
import os
import shutil
import statistics
import subprocess
import sys
import time

import numpy as np
from catboost import CatBoost, Pool

ROUNDS = int(os.environ.get("ROUNDS", "3"))


def best(call, seconds=0.5):
    call()
    until, figure = time.process_time() + seconds, 1e99
    while True:
        start = time.process_time()
        call()
        end = time.process_time()
        figure = min(figure, end - start)
        if end > until:
            return figure


class Peer:
    def __init__(self, folder, shape):
        self.model = CatBoost().load_model(os.path.join(folder, "model.cbm"))
        x = np.fromfile(os.path.join(folder, "rows.f32"), np.float32).reshape(-1, shape["floats"])[:shape["rows"]]
        self.rows, cats = len(x), list(range(shape["floats"], shape["floats"] + shape["cats"]))
        data = x
        if cats:
            text = [line.rstrip("\n").split(",") for line in open(os.path.join(folder, "cats.csv"))][:self.rows]
            data = np.concatenate([x.astype(object), np.array(text, dtype=object)], axis=1)
        pool = lambda part: Pool(part, cat_features=cats) if cats else Pool(part)
        self.all, self.hundred, self.one = pool(data), pool(data[:100]), list(data[0])

    def time(self):
        raw = lambda data: self.model.predict(data, prediction_type="RawFormulaVal", thread_count=1)
        return {"batch": best(lambda: raw(self.all)) * 1e9 / self.rows,
                "rows100": best(lambda: raw(self.hundred)) * 1e7,
                "single": best(lambda: raw(self.one)) * 1e9}


def ours(program, folder, shape):
    cats = [os.path.join(folder, "cats.csv")] if shape["cats"] else []
    command = [program, os.path.join(folder, "model.cbm"), os.path.join(folder, "rows.f32"), str(shape["rows"])] + cats
    return [json.loads(line) for line in subprocess.check_output(command, text=True).splitlines()]


LOAD = """
import os, sys, time
from catboost import CatBoost
resident = lambda: int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024
before, start = resident(), time.process_time()
model = CatBoost().load_model(sys.argv[1])
print(time.process_time() - start, resident() - before)
"""


def peer_load(folder):
    """Seconds and resident KiB that CatBoost takes to load the model, in a process of its own."""
    out = subprocess.check_output([sys.executable, "-c", LOAD, os.path.join(folder, "model.cbm")], text=True).split()
    return float(out[0]), int(out[1])


def jni(folder, shape):
    """{(mode, hashed): ns a row} of the C++ evaluator; empty without Java or its jars."""
    jars = os.environ.get("CATBOOST_CLASSPATH")
    if not jars or not shutil.which("java"):
        return {}
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "PeerJni.java")
    out = subprocess.check_output(["java", "-cp", jars, source, folder] + [str(shape[k]) for k in ("rows", "floats", "cats")],
                                  text=True).splitlines()
    figures = [dict(zip(words[::2], map(float, words[1::2]))) for words in map(str.split, out)]
    return {(mode, hashed): figures[hashed][mode] for hashed in (0, 1) for mode in figures[hashed]}


def main():
    program, root, cases = sys.argv[1], sys.argv[2], sys.argv[3:]
    lines = []
    for case in cases:
        folder = os.path.join(root, case)
        shape = json.load(open(os.path.join(folder, "case.json")))
        peer, seen = Peer(folder, shape), {}
        for _ in range(ROUNDS):
            theirs, evaluator = peer.time(), jni(folder, shape)
            for line in ours(program, folder, shape):
                if line["mode"] == "load":
                    seconds, kb = peer_load(folder)
                    seen.setdefault(("load", "", 1, 0, "python"), []).append((line["s"] * 1e9, seconds * 1e9))
                    seen.setdefault(("memory_kb", "", 1, 0, "python"), []).append((max(1, line["kb"]), kb))
                    continue
                mode, key = line["mode"], (line["mode"], line["kernel"], line["threads"], line["hashed"])
                seen.setdefault(key + ("python",), []).append((line["ns_per_row"], theirs[mode]))
                if (mode, line["hashed"]) in evaluator:
                    seen.setdefault(key + ("jni",), []).append((line["ns_per_row"], evaluator[mode, line["hashed"]]))
        for (mode, kernel, threads, hashed, who), pairs in seen.items():
            lines.append({"case": case, "mode": mode, "kernel": kernel, "threads": threads, "hashed": bool(hashed), "peer": who,
                          "ns_per_row": round(statistics.median(p[0] for p in pairs), 1),
                          "peer_ns_per_row": round(statistics.median(p[1] for p in pairs), 1),
                          "ratio": round(statistics.median(p[1] / p[0] for p in pairs), 2)})
    print(f"{'case':5}{'mode':10}{'kernel':9}{'threads':>8}{'hashed':>7}{'peer':>8}{'ours ns':>12}{'CatBoost ns':>13}{'ratio':>8}")
    for x in lines:
        print(f"{x['case']:5}{x['mode']:10}{x['kernel']:9}{x['threads']:8}{'yes' if x['hashed'] else '':>7}{x['peer']:>8}"
              f"{x['ns_per_row']:12.1f}{x['peer_ns_per_row']:13.1f}{x['ratio']:8.2f}")
    for x in lines:
        print(json.dumps(x))


main()
