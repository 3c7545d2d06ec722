"""How a business lets Fieldbridge in at the Stripe stand-in, and every way in which that can be misused."""

from collections.abc import Iterator

import pytest

from connectors.sandbox.running import running
from tests.connectors.stripe_calls import CALLBACK, COASTLINE, HARBOUR, PLATFORM, Calls, arguments

pytestmark = pytest.mark.sandbox
HOUR = 3600


@pytest.fixture
def stripe() -> Iterator[Calls]:
    environ = {"SANDBOX_LIMITS": "off", "SANDBOX_PORTAL_URL": "http://portal.example.com"}
    with running(environ) as found:
        yield Calls(found)


def platform(stripe: Calls, account: str = HARBOUR) -> Calls:
    return stripe.as_(PLATFORM, **{"Stripe-Account": account})


def reaches(stripe: Calls, account: str = HARBOUR) -> bool:
    answer = platform(stripe, account).send("GET", "account")
    assert answer.status_code in {200, 403}
    return answer.status_code == 200


def test_the_consent_page_offers_the_accounts(stripe: Calls) -> None:
    asked = {"response_type": "code", "client_id": "ca_sandbox", "scope": "read_write", "redirect_uri": CALLBACK}
    page = stripe.http.get(f"{stripe.url}/connect/oauth/authorize", params=asked)
    assert page.status_code == 200
    for words in ("Harbour Plumbing", "Coastline Electrical", "Empty Co", "Allow", "Deny", "read and write"):
        assert words in page.text
    assert "Fieldbridge platform" not in page.text


def test_allow_brings_a_code_and_the_state_back(stripe: Calls) -> None:
    answer = stripe.consent()
    assert answer.headers["location"].startswith(f"{CALLBACK}?")
    told = arguments(answer)
    assert told["code"].startswith("ac_")
    assert (told["state"], told["scope"]) == ("s-1", "read_write")


def test_deny_comes_back_as_access_denied(stripe: Calls) -> None:
    told = arguments(stripe.consent(decision="deny"))
    assert (told["error"], told["state"]) == ("access_denied", "s-1")
    assert "code" not in told


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"client_id": "ca_wrong"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"redirect_uri": f"{CALLBACK}more"}, "invalid_redirect_uri"),
        ({"redirect_uri": CALLBACK.replace("http:", "https:")}, "invalid_redirect_uri"),
        ({"redirect_uri": "http://evil.example.com/"}, "invalid_redirect_uri"),
    ],
)
def test_other_errors_are_shown_and_never_sent_on(stripe: Calls, asked: dict[str, str], error: str) -> None:
    answer = stripe.consent(**asked)
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert (answer.json()["error"], answer.json()["state"]) == (error, "s-1")


def test_a_code_becomes_a_connection(stripe: Calls) -> None:
    assert not reaches(stripe)
    token = stripe.connect()
    assert token["stripe_user_id"] == HARBOUR
    assert (token["livemode"], token["scope"], token["token_type"]) == (False, "read_write", "bearer")
    assert "expires_in" not in token
    assert platform(stripe).get("account")["id"] == HARBOUR
    assert stripe.as_(token["access_token"]).get("account")["id"] == HARBOUR
    assert not reaches(stripe, COASTLINE)


def test_without_a_connection_the_refusal_is_stripes_own(stripe: Calls) -> None:
    error = platform(stripe).send("GET", "customers").json()["error"]
    assert error["code"] == "account_invalid"
    assert f"does not have access to account '{HARBOUR}'" in error["message"]
    assert "Application access may have been revoked." in error["message"]
    assert PLATFORM not in error["message"]


def test_a_code_used_twice_ends_the_connection(stripe: Calls) -> None:
    code = stripe.code()
    first = stripe.token(grant_type="authorization_code", code=code)
    assert reaches(stripe)
    second = stripe.token(grant_type="authorization_code", code=code)
    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")
    assert not reaches(stripe)
    assert stripe.as_(first.json()["access_token"]).send("GET", "account").status_code == 401
    types = [e["type"] for e in stripe.get("events")["data"]]
    assert types == ["account.application.deauthorized", "account.application.authorized"]


def test_a_code_lives_five_minutes(stripe: Calls) -> None:
    fresh, stale = stripe.code(), stripe.code()
    stripe.forward(295)
    assert stripe.token(grant_type="authorization_code", code=fresh).status_code == 200
    stripe.forward(10)
    answer = stripe.token(grant_type="authorization_code", code=stale)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert reaches(stripe)


@pytest.mark.parametrize(
    ("form", "key", "status", "error"),
    [
        ({"grant_type": "authorization_code", "code": "ac_none"}, PLATFORM, 400, "invalid_grant"),
        ({"grant_type": "password"}, PLATFORM, 400, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "rt_none"}, PLATFORM, 400, "invalid_grant"),
        ({"grant_type": "authorization_code", "code": "ac_none"}, "sk_test_wrong", 401, "invalid_client"),
        ({"grant_type": "authorization_code", "code": "ac_none"}, "sk_test_operator", 401, "invalid_client"),
    ],
)
@pytest.mark.parametrize("way", ["connect", "app"])
def test_what_the_token_endpoints_refuse(
    stripe: Calls, way: str, form: dict[str, str], key: str, status: int, error: str
) -> None:
    answer = stripe.token(way, key, **form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert answer.json()["error_description"]


def test_a_code_of_one_way_is_no_code_of_the_other(stripe: Calls) -> None:
    assert stripe.token("app", grant_type="authorization_code", code=stripe.code()).status_code == 400
    assert stripe.token(grant_type="authorization_code", code=stripe.code("app")).status_code == 400
    assert not reaches(stripe)


def test_read_only_access_may_not_write(stripe: Calls) -> None:
    stripe.connect(scope="read_only")
    assert platform(stripe).get("customers")["data"]
    assert platform(stripe).post("customers", name="A").status_code == 403


def test_the_platform_lets_go(stripe: Calls) -> None:
    stripe.connect()
    answer = stripe.let_go()
    assert answer.json() == {"stripe_user_id": HARBOUR}
    assert not reaches(stripe)
    again = stripe.let_go()
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")
    assert stripe.let_go("acct_none").status_code == 401


def test_the_owner_disconnects_on_the_control_page(stripe: Calls) -> None:
    stripe.connect()
    page = stripe.http.get(f"{stripe.url}/accounts/1")
    assert "Disconnect Fieldbridge" in page.text
    stripe.http.post(f"{stripe.url}/accounts/1", data={"do": "disconnect"})
    assert not reaches(stripe)
    event = stripe.get("events")["data"][0]
    assert (event["type"], event["account"]) == ("account.application.deauthorized", HARBOUR)
    assert event["data"]["object"] == {"id": "ca_sandbox", "object": "application", "name": "Fieldbridge"}


def test_an_app_token_lives_an_hour_and_the_refresh_token_is_rolled(stripe: Calls) -> None:
    first = stripe.connect("app")
    assert (first["scope"], "expires_in" in first) == ("stripe_apps", False)
    assert stripe.as_(first["access_token"]).create(name="A")["name"] == "A"
    stripe.forward(HOUR + 1)
    expired = stripe.as_(first["access_token"]).send("GET", "account")
    assert (expired.status_code, expired.json()["error"]["code"]) == (401, "api_key_expired")
    second = stripe.token("app", grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert stripe.as_(second["access_token"]).get("account")["id"] == HARBOUR
    spent = stripe.token("app", grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert (spent.status_code, spent.json()["error"]) == (400, "invalid_grant")
    assert stripe.token("app", grant_type="refresh_token", refresh_token=second["refresh_token"]).status_code == 200


def test_a_refresh_token_of_an_app_lives_a_year(stripe: Calls) -> None:
    first = stripe.connect("app")
    stripe.forward(365 * 24 * HOUR + 1)
    assert stripe.token("app", grant_type="refresh_token", refresh_token=first["refresh_token"]).status_code == 400


def test_connects_own_token_does_not_run_out(stripe: Calls) -> None:
    token = stripe.connect()
    stripe.forward(400 * 24 * HOUR)
    assert stripe.as_(token["access_token"]).get("account")["id"] == HARBOUR


def test_a_revoked_key_is_a_401_until_it_is_restored(stripe: Calls) -> None:
    key, page = "rk_test_sandbox_1_write", f"{stripe.url}/accounts/1"
    assert key in stripe.http.get(page).text
    stripe.http.post(page, data={"do": "key", "value": key})
    assert stripe.as_(key).send("GET", "customers").status_code == 401
    stripe.http.post(page, data={"do": "key", "value": key})
    assert stripe.as_(key).send("GET", "customers").status_code == 200
