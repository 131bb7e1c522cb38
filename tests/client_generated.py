"""What openapi-python-client made of the document logs in, predicts and reads the answers as typed objects.

Usage: PYTHONPATH=folder-of-generated client_generated.py URL USER   (password from MERCREDI_PASSWORD)
"""
import datetime
import os
import sys

from generated import AuthenticatedClient, Client
from generated.api.access import login_token_post, me_users_me_get
from generated.api.predictions import predict_predict_post, predictions_predictions_get
from generated.models import (BodyLoginTokenPost, Error, Film, FilmBatch, HTTPValidationError, Prediction,
                              PredictionBatch, Token, TokenError)


def main(url, user):
    anybody = Client(base_url=url)
    refused = login_token_post.sync(client=anybody, body=BodyLoginTokenPost(username=user, password="not it"))
    assert isinstance(refused, TokenError) and refused.error == "invalid_grant", refused
    token = login_token_post.sync(client=anybody, body=BodyLoginTokenPost(username=user,
                                                                         password=os.environ["MERCREDI_PASSWORD"]))
    assert isinstance(token, Token), token
    client = AuthenticatedClient(base_url=url, token=token.access_token)
    assert me_users_me_get.sync(client=client).username == user

    film = Film(title="Les Lumières de la Ville Basse", release_date=datetime.date(2027, 3, 17), genres=["Drame"],
                duration_min=112)
    one = predict_predict_post.sync(client=client, body=film)
    assert isinstance(one, Prediction), one
    assert one.interval.low <= one.admissions <= one.interval.high, one
    two = predict_predict_post.sync(client=client, body=FilmBatch(films=[film, film]))
    assert isinstance(two, PredictionBatch) and len(two.predictions) == 2, two

    bad = predict_predict_post.sync(client=client, body=Film(title="", release_date=datetime.date(2027, 3, 17)))
    assert isinstance(bad, HTTPValidationError) and bad.detail[0].loc == ["body", "title"], bad
    mine = predictions_predictions_get.sync(client=client, limit=10)
    assert str(one.prediction_id) in {str(item.prediction_id) for item in mine.items}, mine
    nobody = AuthenticatedClient(base_url=url, token="none")
    assert isinstance(predict_predict_post.sync(client=nobody, body=film), Error)
    print("generated client: logged in, predicted, read the errors")


main(*sys.argv[1:3])
