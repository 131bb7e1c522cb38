"""What MLflow's own client makes of a version that mercredi-train published.

mlflow_client.py URI FEATURES.csv OURS.csv: load models:/… as catboost and as pyfunc, predict the rows (film_id first) and
compare both with what mercredi-train predict --float hex gave, bit for bit. Categories are texts, an empty one included;
empty numbers are unknown. Prints how many rows agreed; ends with 1 when one does not.
"""
import sys

import mlflow.catboost
import mlflow.pyfunc
import pandas as pd

uri, path, ours = sys.argv[1:]
model = mlflow.catboost.load_model(uri)
wrapped = mlflow.pyfunc.load_model(uri)
types = {c.name: c.type.name for c in wrapped.metadata.get_input_schema()}
rows = pd.read_csv(path, dtype=str, keep_default_na=False)
frame = pd.DataFrame(
    {n: rows[n] if t == "string" else pd.to_numeric(rows[n], errors="coerce").astype(float) for n, t in types.items()}
)
with open(ours) as f:
    expected = [float.fromhex(line) for line in f.read().split()[1:]]
agreed = [
    e.hex() == float(a).hex() == float(b).hex()
    for e, a, b in zip(expected, model.predict(frame), wrapped.predict(frame), strict=True)
]
print(sum(agreed))
sys.exit(not all(agreed))
