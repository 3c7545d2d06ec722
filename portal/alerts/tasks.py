"""What the queue may ask for: one try of a delivery. A lost, doubled or late task changes nothing."""

from django_scopes import scope, scopes_disabled

from portal.alerts import sending
from portal.models import Delivery


def send(delivery_id: int) -> None:
    with scopes_disabled():  # the id names the business; everything after runs in its scope
        business = Delivery.objects.filter(pk=delivery_id).values_list("business_id", flat=True).first()
    if business:
        with scope(business=business):
            sending.send(delivery_id)
