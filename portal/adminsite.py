"""The admin's site: how one comes in, and what its pages may load."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.csp import CSP
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_http_methods
from unfold.sites import UnfoldAdminSite

type View = Callable[..., HttpResponse]

#: The theme evaluates the expressions in its attributes and styles elements by hand; no other page may.
POLICY: dict[str, Any] = {
    **settings.SECURE_CSP,
    "script-src": [CSP.SELF, CSP.UNSAFE_EVAL],
    "style-src": [CSP.SELF, CSP.UNSAFE_INLINE],
}


class Site(UnfoldAdminSite):  # type: ignore[misc]  # unfold ships no types
    site_title = site_header = "Fieldbridge"
    index_title = "How things are"

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        self.disable_action("delete_selected")

    def admin_view(self, view: View, cacheable: bool = False) -> View:
        spoken = require_http_methods(["GET", "HEAD", "POST"])(view)
        return csp_override(POLICY)(self._with_second_factor(super().admin_view(spoken, cacheable)))

    def _with_second_factor(self, view: View) -> View:
        """Where the installation asks for one, nobody sees the admin before setting it up."""

        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if settings.REQUIRE_ADMIN_MFA and self.has_permission(request) and not is_mfa_enabled(request.user):
                messages.warning(request, "The admin needs a second factor. Set one up here, then come back.")
                return redirect("mfa_index")
            return view(request, *args, **kwargs)

        return guarded

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Through the portal's own sign-in, with its rate limits and second factor."""
        answer: HttpResponse = secure_admin_login(super().login)(request, extra_context=extra_context)
        return answer

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return redirect("account_change_password")

    def get_urls(self) -> list[Any]:
        """Without the redirect from any row's id to its page: no row has one, and it would ask no permission."""
        return [u for u in super().get_urls() if getattr(u, "name", "") != "view_on_site"]
