"""Signing in at the Jobber stand-in: consent, codes, tokens, rotation, and every way it ends."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from connectors import oauth
from connectors.jobber.sandbox.permissions import SCOPES
from connectors.sandbox.running import running
from tests.connectors.jobber_calls import APP, CALLBACK, Calls

pytestmark = pytest.mark.sandbox
ACCOUNT = "{ account { id name } }"
NOT_VALID = {"message": "The provided refresh token is not valid."}
GONE = {"message": "User has disconnected this app from their account. Please delete this token"}


@pytest.fixture
def jobber() -> Iterator[Calls]:
    with running({"SANDBOX_PORTAL_URL": "http://portal.example.com", "SANDBOX_LIMITS": "off"}, seed="empty") as found:
        yield Calls(found)


def forward(jobber: Calls, seconds: float) -> None:
    jobber.running.sandbox.frame.clock.advance(seconds)


# Consent


def test_allowing_goes_back_with_a_code_and_the_state(jobber: Calls) -> None:
    place = urlsplit(jobber.consent(state="a b&c").headers["location"])
    assert f"{place.scheme}://{place.netloc}{place.path}" == CALLBACK
    found = parse_qs(place.query)
    assert found.keys() == {"code", "state"}
    assert found["state"] == ["a b&c"]


def test_denying_goes_back_with_nothing_at_all(jobber: Calls) -> None:
    assert jobber.consent(decision="deny").headers["location"] == CALLBACK


def test_the_page_offers_every_account(jobber: Calls) -> None:
    asked = {"response_type": "code", "client_id": APP["client_id"], "redirect_uri": CALLBACK, "state": '"><b>'}
    page = jobber.http.get(f"{jobber.url}/api/oauth/authorize", params=asked)
    assert page.status_code == 200
    assert all(name in page.text for name in ("Harbour Plumbing", "Coastline Electrical", "Empty Co"))
    assert "<b>" not in page.text


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "somebody-else"},
        {"redirect_uri": CALLBACK.rstrip("/")},
        {"redirect_uri": "http://portal.example.com.evil.example/connect/jobber/callback/"},
        {"redirect_uri": ""},
        {"response_type": "token"},
    ],
)
def test_a_wrong_request_sends_nobody_anywhere(jobber: Calls, wrong: dict[str, str]) -> None:
    answer = jobber.consent(**wrong)
    assert answer.status_code == 400
    assert "location" not in answer.headers


def test_connecting_from_the_marketplace_has_a_code_and_no_state(jobber: Calls) -> None:
    place = jobber.http.get(f"{jobber.url}/accounts/2/marketplace").headers["location"]
    found = parse_qs(urlsplit(place).query)
    assert place.startswith(f"{CALLBACK}?")
    assert found.keys() == {"code"}
    answer = jobber.token(grant_type="authorization_code", code=found["code"][0], redirect_uri=CALLBACK)
    assert jobber.ask(ACCOUNT, answer.json()["access_token"])["account"]["name"] == "Coastline Electrical"


# Codes


def test_a_code_is_good_once_and_for_its_own_address(jobber: Calls) -> None:
    code = jobber.code()
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    assert jobber.token(**form).status_code == 200
    assert jobber.token(**form).status_code == 401
    wrong = form | {"code": jobber.code(), "redirect_uri": "http://elsewhere.example.com/"}
    assert jobber.token(**wrong).status_code == 401


def test_a_code_does_not_keep(jobber: Calls) -> None:
    code = jobber.code()
    forward(jobber, 301)
    assert jobber.token(grant_type="authorization_code", code=code, redirect_uri=CALLBACK).status_code == 401


def test_the_app_must_show_its_secret(jobber: Calls) -> None:
    form = {"grant_type": "authorization_code", "code": jobber.code(), "redirect_uri": CALLBACK}
    assert jobber.token(**form, client_secret="guessed").status_code == 401
    assert jobber.token(**form).status_code == 200


def test_the_token_endpoint_takes_forms_only(jobber: Calls) -> None:
    form = APP | {"grant_type": "authorization_code", "code": jobber.code(), "redirect_uri": CALLBACK}
    assert jobber.http.post(f"{jobber.url}/api/oauth/token", json=form).status_code == 400


# Tokens


def test_the_access_token_says_what_it_is_for(jobber: Calls) -> None:
    pair = jobber.pair("2")
    assert pair.keys() == {"access_token", "refresh_token"}
    assert len(bytes.fromhex(pair["refresh_token"])) == 16
    said = oauth.claims(pair["access_token"])
    assert said["iss"] == "https://api.getjobber.com"
    assert (said["scope"], said["account_id"], said["client_id"]) == (" ".join(SCOPES), 2, APP["client_id"])
    left = said["exp"] - jobber.running.sandbox.frame.clock.time()
    assert 3590 < left <= 3600


def test_an_access_token_lives_an_hour(jobber: Calls) -> None:
    token = jobber.pair()["access_token"]
    forward(jobber, 3590)
    assert jobber.ask(ACCOUNT, token)["account"]["name"] == "Harbour Plumbing"
    forward(jobber, 20)
    answer = jobber.post(ACCOUNT, token)
    assert (answer.status_code, answer.json()) == (401, {"message": "Token not recognized"})


def test_every_refresh_token_is_good_for_one_use(jobber: Calls) -> None:
    first = jobber.pair()
    second = jobber.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    again = jobber.refresh(first["refresh_token"])
    assert (again.status_code, again.json()) == (401, NOT_VALID)
    assert jobber.ask(ACCOUNT, second["access_token"])
    assert jobber.ask(ACCOUNT, first["access_token"]), "the access token before it lives on until it expires"
    assert jobber.refresh(second["refresh_token"]).status_code == 200


def test_without_rotation_the_same_one_comes_back_with_a_warning(jobber: Calls) -> None:
    first = jobber.pair()
    jobber.switch(rotation=False)
    second = jobber.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] == first["refresh_token"]
    assert second["warning"].startswith("Refresh token rotation is off.")


def test_switches_refuse_refreshes_and_end_access_tokens(jobber: Calls) -> None:
    pair = jobber.pair()
    jobber.switch(refuse_refresh=True)
    assert jobber.refresh(pair["refresh_token"]).json() == NOT_VALID
    jobber.switch(refresh_ends_access=True)
    new = jobber.refresh(pair["refresh_token"]).json()
    assert jobber.post(ACCOUNT, pair["access_token"]).status_code == 401
    assert jobber.ask(ACCOUNT, new["access_token"])


def test_all_access_tokens_can_be_ended_at_once(jobber: Calls) -> None:
    pair = jobber.pair()
    jobber.http.post(f"{jobber.url}/settings", data={"do": "expire"})
    assert jobber.post(ACCOUNT, pair["access_token"]).json() == {"message": "Token not recognized"}
    assert jobber.ask(ACCOUNT, jobber.refresh(pair["refresh_token"]).json()["access_token"])


# Ends


def test_disconnecting_from_our_side_ends_every_token_of_the_account(jobber: Calls) -> None:
    first, second, other = jobber.pair(), jobber.pair(), jobber.pair("2")
    done = jobber.ask("mutation { appDisconnect { app { name } userErrors { message } } }", first["access_token"])
    assert done["appDisconnect"] == {"app": {"name": "Fieldbridge"}, "userErrors": []}
    for pair in (first, second):
        answer = jobber.post(ACCOUNT, pair["access_token"])
        assert (answer.status_code, answer.json()) == (401, GONE)
        assert jobber.refresh(pair["refresh_token"]).json() == NOT_VALID
    assert jobber.ask(ACCOUNT, other["access_token"])


def test_a_person_disconnects_and_connects_again(jobber: Calls) -> None:
    pair = jobber.pair()
    jobber.http.post(f"{jobber.url}/accounts/1/disconnect")
    assert jobber.post(ACCOUNT, pair["access_token"]).json() == GONE
    assert jobber.ask(ACCOUNT, jobber.pair()["access_token"])


def test_tokens_and_settings_survive_a_restart(jobber: Calls) -> None:
    import json

    service = jobber.running.sandbox.services["jobber"]
    pair = jobber.pair()
    kept = json.loads(json.dumps(service.state))
    again = type(service)(service.frame)
    again.state = kept
    again.loaded()
    assert again.grants.holder(pair["access_token"]).account == "1"
    assert again.grants.refresh(pair["refresh_token"])["access_token"]
