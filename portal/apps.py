from django.apps import AppConfig
from django.contrib.admin import apps as admin


class PortalConfig(AppConfig):
    name = "portal"
    verbose_name = "Businesses and connections"

    def ready(self) -> None:
        from portal import accounts, checks, network, signins  # noqa: F401  # registers the checks

        network.watch()
        accounts.watch()
        signins.watch()


class AdminConfig(admin.AdminConfig):
    """Django's admin, with our site in the place of its own."""

    default_site = "portal.adminsite.Site"
    default = False
