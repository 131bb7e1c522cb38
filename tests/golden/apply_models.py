"""Rewrite every fixture model with libmercredi, load the result in CatBoost, compare predictions.

Usage: apply_models.py LIBRARY FOLDER…   The last line counts: "N passed, N failed".
"""
import csv
import ctypes
import json
import math
import os
import sys
import tempfile

import catboost
import numpy


class Err(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("line", ctypes.c_uint32), ("col", ctypes.c_uint32), ("msg", ctypes.c_char * 232)]


def number(text):
    with numpy.errstate(over="ignore"):
        return numpy.float32(text) if text else math.nan


def pool(folder):
    kinds = [c["kind"] for c in json.load(open(folder + "/columns.json"))]
    rows = list(csv.reader(open(folder + "/input.csv", encoding="utf-8", newline="")))[1:]
    data = [[number(v) if k == "num" else v for k, v in zip(kinds, row)] for row in rows]
    return catboost.Pool(data, cat_features=[i for i, k in enumerate(kinds) if k == "cat"])


def convert(lib, source, target, form):
    model, err = ctypes.c_void_p(), Err()
    if lib.mrc_model_open(ctypes.byref(model), source.encode(), ctypes.byref(err)) < 0:
        return err.msg.decode()
    status = lib.mrc_model_save(model, target.encode(), form, ctypes.byref(err))
    lib.mrc_model_free(model)
    return err.msg.decode() if status < 0 else None


def compare(lib, folder, source, form, tmp):
    """None when CatBoost agrees, else what is wrong."""
    target = f"{tmp}/model.{form}"
    problem = convert(lib, source, target, 0 if form == "cbm" else 1)
    if problem:
        return problem
    want = numpy.array([[float.fromhex(x) for x in row] for row in json.load(open(folder + "/expected.json"))["raw"]])
    model = catboost.CatBoost().load_model(target, format=form)
    got = numpy.array(model.predict(pool(folder), prediction_type="RawFormulaVal")).reshape(want.shape)
    if form == "cbm":
        return None if got.tobytes() == want.tobytes() else "scores differ"
    largest = float(numpy.abs(got - want).max())
    return None if largest <= 1e-12 else f"scores differ by {largest}"


def main():
    lib = ctypes.CDLL(os.path.abspath(sys.argv[1]))
    passed = failed = 0
    with tempfile.TemporaryDirectory() as tmp:
        for parent in sys.argv[2:]:
            for name in sorted(os.listdir(parent)):
                folder = f"{parent}/{name}"
                if not os.path.exists(folder + "/expected.json") or name == "text_feature":
                    continue
                for source in ("model.cbm", "model.json"):
                    for form in ("cbm", "json"):
                        if not os.path.exists(f"{folder}/{source}"):
                            continue
                        if form == "json" and name == "handmade_ctr":
                            continue  # CatBoost reads the sums of mean CTRs from JSON as integers
                        problem = compare(lib, folder, f"{folder}/{source}", form, tmp)
                        passed += problem is None
                        failed += problem is not None
                        if problem:
                            print(f"FAILED: {folder}/{source} written as {form}: {problem}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
