"""Telling people of an incident: one mail when it opens, none for what heals itself."""

from datetime import datetime

from django.conf import settings
from django.core.mail import send_mail

from syncs.models import Incident


def tell(incident: Incident, now: datetime) -> None:
    """Mail the owners and the office. The row is marked first: a mail twice is worse than a mail late."""
    if not Incident.objects.filter(pk=incident.pk, told_at=None, state=Incident.State.OPEN).update(told_at=now):
        return
    people = incident.business.memberships.filter(role__in=["owner", "office"]).values_list("user__email", flat=True)
    address = f"{settings.BASE_URL}/b/{incident.business_id}/attention/"
    body = f"{incident.title}.\n\nWhat to do: {incident.next_step}\n\n{address}\n"
    for email in people:
        send_mail(f"{incident.business}: {incident.title}", body, None, [email])
