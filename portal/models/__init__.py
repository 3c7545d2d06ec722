"""Who you are: people, businesses and their authorised links to outside services."""

from portal.models.alerts import Alert, AlertDestination, AlertSettings, Delivery
from portal.models.businesses import Business, Invitation, Membership, Role
from portal.models.connections import Connection, ConnectStart
from portal.models.operation import RefusedDelivery, WorkerBeat
from portal.models.people import User

__all__ = [
    "Alert",
    "AlertDestination",
    "AlertSettings",
    "Business",
    "ConnectStart",
    "Connection",
    "Delivery",
    "Invitation",
    "Membership",
    "RefusedDelivery",
    "Role",
    "User",
    "WorkerBeat",
]
