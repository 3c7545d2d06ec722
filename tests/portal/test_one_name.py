"""One machine, two names: a browser ends up at the one that sessions and consent pages know."""

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from portal.models import User

pytestmark = pytest.mark.django_db
BROWSER = {"Sec-Fetch-Mode": "navigate"}


@pytest.fixture(autouse=True)
def at_home(settings) -> None:
    settings.BASE_URL, settings.HOST = "http://localhost:8000", "localhost"


def test_a_browser_at_the_other_name_is_sent_to_ours() -> None:
    found = Client().get("/accounts/login/?next=/b/1/", headers=BROWSER | {"Host": "127.0.0.1:8000"})
    assert (found.status_code, found["Location"]) == (302, "http://localhost:8000/accounts/login/?next=/b/1/")


@pytest.mark.parametrize("headers", [BROWSER | {"Host": "localhost:8000"}, {"Host": "127.0.0.1:8000"}])
def test_ours_and_whatever_is_no_browser_are_answered(headers: dict[str, str]) -> None:
    assert Client().get("/accounts/login/", headers=headers).status_code == 200


def test_no_other_host_is_ever_sent_anywhere(settings) -> None:
    settings.BASE_URL, settings.HOST = "https://portal.example.com", "portal.example.com"
    found = Client().get("/accounts/login/", headers=BROWSER | {"Host": "127.0.0.1"})
    assert found.status_code == 200


def test_a_superuser_made_at_the_terminal_can_sign_in_at_once() -> None:
    root = User.objects.create_superuser("root@example.com", "a long enough word")
    assert EmailAddress.objects.get(user=root).verified
    signed = Client().post("/accounts/login/", {"login": "root@example.com", "password": "a long enough word"})
    assert (signed.status_code, signed["Location"]) == (302, "/")
