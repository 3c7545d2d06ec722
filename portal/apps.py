from django.apps import AppConfig


class PortalConfig(AppConfig):
    name = "portal"
    verbose_name = "Businesses and connections"

    def ready(self) -> None:
        from portal import checks  # noqa: F401  # registers the checks
        from portal.network import watch

        watch()
