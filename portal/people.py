"""Who belongs to a business: inviting, joining, changing a role, leaving."""

import hashlib
import logging
from datetime import timedelta

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.cache import cache
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django_scopes import scopes_disabled

from portal.models import Business, Invitation, Membership, Role, User
from syncs import audit

log = logging.getLogger(__name__)
LIFE = timedelta(days=7)
MAILS_AN_HOUR = 30


class Refused(Exception):
    """Something that cannot be done; the text says why in plain words."""


# Inviting


def invite(business: Business, inviter: User, email: str, role: str) -> Invitation:
    """A new invitation, sent. Raises Refused for somebody already in or asked, and when the mail cannot go out."""
    email = email.lower()
    if Membership.objects.filter(business=business, user__email__iexact=email).exists():
        raise Refused(f"{email} already belongs to {business}. Change their role on the People page.")
    if Invitation.objects.filter(email=email, accepted_at=None, expires_at__gt=timezone.now()).exists():
        raise Refused(f"{email} has been invited already. Send that invitation again from the People page.")
    _spend_mail(business)
    key = Invitation.new_key()
    values = {"role": role, "key_digest": digest(key), "invited_by": inviter, "expires_at": timezone.now() + LIFE}
    row, _ = Invitation.objects.update_or_create(business=business, email=email, accepted_at=None, defaults=values)
    audit.record(business.pk, inviter, "person.invited", row, f"Invited {email} as {Role(role).label}")
    log.info("Business %s: person %s invited somebody as %s (invitation %s)", business.pk, inviter.pk, role, row.pk)
    _send(row, inviter, key)
    return row


def resend(row: Invitation, inviter: User) -> None:
    """A fresh link for seven more days; the old one stops working. Raises Refused as `invite`."""
    _spend_mail(row.business)
    key = Invitation.new_key()
    row.key_digest, row.expires_at = digest(key), timezone.now() + LIFE
    row.save(update_fields=["key_digest", "expires_at"])
    audit.record(row.business_id, inviter, "person.invited_again", row, f"Sent {row.email} a new invitation")
    _send(row, inviter, key)


def withdraw(row: Invitation, by: User) -> None:
    """Its link no longer works."""
    with transaction.atomic():
        audit.record(row.business_id, by, "person.invitation_withdrawn", row, f"Withdrew the invitation of {row.email}")
        row.delete()


def _spend_mail(business: Business) -> None:
    place = f"invitations:{business.pk}:{timezone.now():%Y%m%d%H}"
    cache.add(place, 0, 3600)
    if cache.incr(place) > MAILS_AN_HOUR:
        raise Refused("That is a lot of invitations for one hour. Wait a while and go on then.")


def _send(row: Invitation, inviter: User, key: str) -> None:
    context = {
        "invitation": row,
        "inviter": inviter,
        "link": f"{settings.BASE_URL}{reverse('invitation', args=[key])}",
    }
    subject = " ".join(render_to_string("portal/mail/invitation_subject.txt", context).split())
    try:
        send_mail(subject, render_to_string("portal/mail/invitation.txt", context).strip() + "\n", None, [row.email])
    except OSError as error:
        log.error("The mail of invitation %s could not be sent: %s", row.pk, type(error).__name__)
        raise Refused(
            f"The invitation of {row.email} is kept, but the mail could not be sent just now. Send it again in a while."
        ) from error


# Joining


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def find(key: str) -> Invitation | None:
    """The invitation a link names, of whichever business."""
    with scopes_disabled():  # the key is the permission, and its holder belongs to no business yet
        return Invitation.objects.select_related("business", "invited_by").filter(key_digest=digest(key)).first()


def waiting_for(person: User) -> list[Invitation]:
    """Open invitations to addresses that are proven to be the person's."""
    own = EmailAddress.objects.filter(user=person, verified=True).values_list("email", flat=True)
    with scopes_disabled():  # asked by a person about themselves, across businesses
        rows = Invitation.objects.select_related("business", "invited_by").filter(
            email__in=[email.lower() for email in own], accepted_at=None, expires_at__gt=timezone.now()
        )
        return list(rows.order_by("-created_at"))


def is_for(row: Invitation, person: User) -> bool:
    """Whether mails to the invited address are proven to reach this person."""
    found: bool = EmailAddress.objects.filter(user=person, email__iexact=row.email, verified=True).exists()
    return found


def join(row: Invitation, person: User) -> Membership:
    """The membership, new or as it was. Raises Refused when the invitation is another's, or no longer good."""
    if not is_for(row, person):
        raise Refused(f"This invitation is for {row.email}. Sign in with that address to use it.")
    with transaction.atomic(), scopes_disabled():  # not a member yet, so no scope can be open
        now = timezone.now()
        open_rows = Invitation.objects.filter(
            pk=row.pk, key_digest=row.key_digest, accepted_at=None, expires_at__gt=now
        )
        if not open_rows.update(accepted_at=now):
            raise Refused("This invitation is no longer good. Ask for a new one.")
        membership, new = Membership.objects.get_or_create(
            business_id=row.business_id, user=person, defaults={"role": row.role}
        )
        if new:
            words = f"{person.get_short_name()} joined as {membership.get_role_display()}"
            audit.record(row.business_id, person, "person.joined", membership, words)
    log.info("Business %s: person %s joined as %s", row.business_id, person.pk, membership.role if new else "before")
    return membership


# Roles


@transaction.atomic
def change_role(business: Business, membership_id: int, role: str, by: User) -> Membership:
    """Raises Refused for the last owner, Membership.DoesNotExist for somebody elsewhere."""
    row = _locked(business, membership_id)
    if row.role == Role.OWNER and role != Role.OWNER:
        _keep_an_owner(business, row)
    log.info("Business %s: person %s made %s %s", business.pk, by.pk, row.user_id, role)
    words = f"Made {row.user} {Role(role).label} instead of {row.get_role_display()}"
    audit.record(business.pk, by, "person.role", row, words, before=row.role, after=role)
    row.role = role
    row.save(update_fields=["role"])
    return row


@transaction.atomic
def remove(business: Business, membership_id: int, by: User) -> Membership:
    """Raises as `change_role`. The person's account stays; they see this business no more."""
    row = _locked(business, membership_id)
    if row.role == Role.OWNER:
        _keep_an_owner(business, row)
    log.info("Business %s: person %s removed %s", business.pk, by.pk, row.user_id)
    words = f"{row.user} left" if by.pk == row.user_id else f"Removed {row.user}"
    audit.record(business.pk, by, "person.removed", row, f"{words}, who was {row.get_role_display()}", role=row.role)
    row.delete()
    return row


def _locked(business: Business, membership_id: int) -> Membership:
    Business.objects.select_for_update().get(pk=business.pk)  # two owners cannot step down at once
    return Membership.objects.select_related("user").get(business=business, pk=membership_id)


def _keep_an_owner(business: Business, leaving: Membership) -> None:
    owners = Membership.objects.filter(business=business, role=Role.OWNER).exclude(pk=leaving.pk)
    if not owners.exists():
        raise Refused(f"{leaving.user} is the only owner of {business}. Make somebody else an owner first.")
