"""What MLflow's own client makes of a version that mercredi-train published.

mlflow_client.py URI FEATURES.csv: load models:/… as catboost and as pyfunc, predict the rows (film_id first), print both
scores of each as hexadecimal floats. Categories are texts, an empty one included; empty numbers are unknown.
"""
import sys

import mlflow.catboost
import mlflow.pyfunc
import pandas as pd

uri, path = sys.argv[1:]
model = mlflow.catboost.load_model(uri)
wrapped = mlflow.pyfunc.load_model(uri)
types = {c.name: c.type.name for c in wrapped.metadata.get_input_schema()}
rows = pd.read_csv(path, dtype=str, keep_default_na=False)
frame = pd.DataFrame(
    {n: rows[n] if t == "string" else pd.to_numeric(rows[n], errors="coerce").astype(float) for n, t in types.items()}
)
for a, b in zip(model.predict(frame), wrapped.predict(frame)):
    print(float(a).hex(), float(b).hex(), sep=",")
