"""The peer of `make bench-serve`: what a competent Python team would write for the contract of POST /predict.

FastAPI and pydantic validate, PyJWT checks the token, CatBoost predicts, and the row is committed to SQLite before the
answer leaves. `serve_peer.py train CSV OUT.cbm` makes its model; uvicorn serves `serve_peer:app`.

PEER_MODEL  its model    PEER_LOG  full | off    PEER_DB  its log    PEER_USER, PEER_HASH  its one account
"""
import datetime
import math
import os
import sqlite3
import sys
import threading
import time
import uuid
from typing import Annotated, Literal

NUMBERS = ["screens", "duration", "budget", "year", "month", "week", "actors", "countries", "title"]
WORDS = ["distributor", "director", "second_director", "actor", "second_actor", "third_actor", "genre", "second_genre",
         "country", "age_rating"]


def features(title, day, genres, countries, distributor, directors, actors, duration, age_rating, budget, screens):
    nth = lambda items, i: items[i] if i < len(items) else ""
    known = lambda value, f=float: math.nan if value is None else f(value)
    return [known(screens), known(duration), known(budget, math.log1p), day.year, day.month, day.isocalendar()[1],
            len(actors), len(countries), len(title), distributor or "", nth(directors, 0), nth(directors, 1),
            nth(actors, 0), nth(actors, 1), nth(actors, 2), nth(genres, 0), nth(genres, 1), nth(countries, 0),
            age_rating or ""]


def train(table, out):
    import csv

    from catboost import CatBoostRegressor, Pool
    rows, targets = [], []
    with open(table, encoding="utf-8", newline="") as f:
        for r in csv.DictReader(f):
            if not r["first_week_entries"]:
                continue
            split = lambda name: [x for x in r[name].split("|") if x]
            number = lambda name: float(r[name]) if r[name] else None
            rows.append(features(r["title"], datetime.date.fromisoformat(r["release_date"]), split("genres"),
                                 split("countries"), r["distributor"], split("directors"), split("actors"),
                                 number("duration_min"), r["age_rating"], number("budget"), number("screens")))
            targets.append(math.log10(float(r["first_week_entries"]) + 1))
    words = list(range(len(NUMBERS), len(NUMBERS) + len(WORDS)))
    model = CatBoostRegressor(iterations=1000, depth=6, learning_rate=0.03, has_time=True, thread_count=2, random_seed=1,
                              verbose=False, allow_writing_files=False)
    model.fit(Pool(rows, targets, cat_features=words, feature_names=NUMBERS + WORDS))
    model.save_model(out)


if __name__ == "__main__":
    train(sys.argv[2], sys.argv[3])
    sys.exit(0)

import jwt  # noqa: E402
import orjson  # noqa: E402
from argon2 import PasswordHasher  # noqa: E402
from argon2.exceptions import VerifyMismatchError  # noqa: E402
from catboost import CatBoostRegressor  # noqa: E402
from fastapi import Depends, FastAPI, HTTPException, Response  # noqa: E402
from fastapi.security import OAuth2PasswordBearer, OAuth2PasswordRequestForm  # noqa: E402
from pydantic import BaseModel, ConfigDict, Field  # noqa: E402

KEY = "a key of thirty-two bytes or more"
hasher = PasswordHasher()
model = CatBoostRegressor().load_model(os.environ["PEER_MODEL"])
log = None
if os.environ.get("PEER_LOG", "full") != "off":
    log = sqlite3.connect(os.environ["PEER_DB"], timeout=30, isolation_level=None, check_same_thread=False)
    log.execute("PRAGMA journal_mode = WAL")
    log.execute("PRAGMA synchronous = FULL")
    log.execute("CREATE TABLE IF NOT EXISTS predictions (id TEXT PRIMARY KEY, time_ms INTEGER, account TEXT, version TEXT,"
                " film TEXT, score REAL, admissions INTEGER, latency_us INTEGER)")
log_lock = threading.Lock()
app = FastAPI(title="First week")
bearer = OAuth2PasswordBearer(tokenUrl="token")
Name = Annotated[str, Field(min_length=1, max_length=120)]


class Film(BaseModel):
    model_config = ConfigDict(strict=True, allow_inf_nan=False)
    film_id: Annotated[str, Field(max_length=64)] | None = None
    title: Annotated[str, Field(min_length=1, max_length=200)]
    release_date: Annotated[datetime.date, Field(strict=False)]
    genres: list[Name] = Field(default=[], max_length=8)
    countries: list[Name] = Field(default=[], max_length=12)
    distributor: Name | None = None
    directors: list[Name] = Field(default=[], max_length=10)
    actors: list[Name] = Field(default=[], max_length=30)
    duration_min: Annotated[int, Field(ge=40, le=400)] | None = None
    age_rating: Literal["tous_publics", "avertissement", "10", "12", "16", "18"] | None = None
    budget: Annotated[float, Field(gt=0, strict=False)] | None = None
    screens: Annotated[int, Field(ge=1, le=2500)] | None = None


class Films(BaseModel):
    films: list[Film] = Field(min_length=1, max_length=1000)


async def account(token: Annotated[str, Depends(bearer)]):
    refusal = HTTPException(401, "Could not validate credentials", {"WWW-Authenticate": "Bearer"})
    try:
        name = jwt.decode(token, KEY, algorithms=["HS256"], options={"require": ["exp", "sub"]})["sub"]
    except jwt.PyJWTError:
        raise refusal
    if name != os.environ["PEER_USER"]:
        raise refusal
    return name


def predict(films, name):
    start = time.perf_counter()
    scores = model.predict([features(f.title, f.release_date, f.genres, f.countries, f.distributor, f.directors, f.actors,
                                     f.duration_min, f.age_rating, f.budget, f.screens) for f in films], thread_count=1)
    now = int(time.time() * 1000)
    out = [{"prediction_id": str(uuid.uuid4()), "admissions": round(10 ** s), "score": s,
            "interval": {"level": 0.8, "low": round(10 ** (s - 0.3)), "high": round(10 ** (s + 0.3))},
            "model": {"name": "peer", "version": "1"}} for s in scores.tolist()]
    if log is not None:
        spent = int((time.perf_counter() - start) * 1e6)
        rows = [(o["prediction_id"], now, name, "1", f.model_dump_json(), o["score"], o["admissions"], spent)
                for o, f in zip(out, films)]
        with log_lock:
            log.execute("BEGIN IMMEDIATE")
            log.executemany("INSERT INTO predictions VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            log.execute("COMMIT")
    return out


@app.post("/predict")
async def predict_route(body: Film | Films, name: Annotated[str, Depends(account)]):
    if isinstance(body, Films):
        answer = {"predictions": predict(body.films, name)}
    else:
        answer = predict([body], name)[0]
    return Response(orjson.dumps(answer), media_type="application/json")


@app.post("/token")
def token(form: Annotated[OAuth2PasswordRequestForm, Depends()]):
    try:
        hasher.verify(os.environ["PEER_HASH"], form.password)
        if form.username != os.environ["PEER_USER"]:
            raise VerifyMismatchError
    except VerifyMismatchError:
        raise HTTPException(401, "Incorrect username or password", {"WWW-Authenticate": "Bearer"})
    claims = {"sub": form.username, "exp": int(time.time()) + 7200}
    return {"access_token": jwt.encode(claims, KEY, algorithm="HS256"), "token_type": "bearer"}


@app.get("/readyz")
async def ready():
    return {"status": "ok"}
