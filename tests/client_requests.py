"""A client written for a FastAPI service: requests, OAuth2's password form, JSON bodies; only the address is ours.

Usage: client_requests.py URL USER   (password from MERCREDI_PASSWORD)
"""
import os
import sys

import requests


FILM = {"title": "Les Lumières de la Ville Basse", "release_date": "2027-03-17", "genres": ["Drame"],
        "duration_min": 112, "distributor": "Pathé", "screens": 412}


def main(url, user):
    session = requests.Session()
    session.trust_env = False

    # What the FastAPI tutorial's own clients check: 200 or 401, access_token, token_type.
    wrong = session.post(url + "/token", data={"username": user, "password": "not it"})
    assert wrong.status_code == 401, wrong.status_code
    assert wrong.json()["detail"] == "Incorrect username or password", wrong.text
    assert wrong.headers["www-authenticate"].startswith("Bearer"), wrong.headers

    answer = session.post(url + "/token", data={"grant_type": "password", "scope": "", "username": user,
                                                "password": os.environ["MERCREDI_PASSWORD"]})
    answer.raise_for_status()
    token = answer.json()
    assert token["token_type"] == "bearer" and token["access_token"], token

    assert session.get(url + "/users/me").status_code == 401
    session.headers["Authorization"] = f"Bearer {token['access_token']}"
    me = session.get(url + "/users/me")
    assert me.ok and me.json()["username"] == user, me.text

    one = session.post(url + "/predict", json=FILM)
    assert one.status_code == 200, one.text
    body = one.json()
    assert body["interval"]["low"] <= body["admissions"] <= body["interval"]["high"], body

    batch = session.post(url + "/predict", json={"films": [FILM, FILM]}, params={"level": 0.9, "explain": False})
    assert batch.status_code == 200 and len(batch.json()["predictions"]) == 2, batch.text

    # A pydantic client walks detail, loc, msg, type.
    bad = session.post(url + "/predict", json={**FILM, "title": 5, "duration_min": "12"})
    assert bad.status_code == 422, bad.status_code
    places = {tuple(item["loc"]): item["type"] for item in bad.json()["detail"]}
    assert places == {("body", "title"): "string_type", ("body", "duration_min"): "int_type"}, places
    assert session.post(url + "/predict", data=b"{", headers={"Content-Type": "application/json"}).status_code == 422

    assert session.get(url + "/nothing").json() == {"detail": "Not Found"}
    assert session.get(url + "/predict").json() == {"detail": "Method Not Allowed"}
    mine = session.get(url + "/predictions", params={"limit": 5}).json()
    assert any(item["prediction_id"] == body["prediction_id"] for item in mine["items"]), mine
    slash = session.post(url + "/predict/", json=FILM)  # FastAPI's 307 keeps method and body
    assert slash.status_code == 200 and slash.history[0].status_code == 307, slash.text
    print("requests: logged in, predicted, read the errors")


main(*sys.argv[1:3])
