"""An alert in words: a mail, a Slack message, the body of a webhook. Links lead to the portal, never elsewhere."""

import json
from typing import Any

from django.conf import settings

from portal import wording
from portal.models import Alert, Business, Delivery

#: Of the text of a message, so that no place refuses it for its length.
MOST = 3000
_SLACK = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def page(business: Business, row: dict[str, Any] | None = None) -> str:
    """Of one incident, or of all that needs somebody."""
    where = f"incidents/{row['incident']}" if row else "attention"
    return f"{settings.BASE_URL}/b/{business.pk}/{where}/"


def subject(delivery: Delivery) -> str:
    return " ".join(f"{delivery.business}: {delivery.alert.title}".split())[:200]


def mail(delivery: Delivery) -> str:
    alert, business = delivery.alert, delivery.business
    parts = [*_numbers(alert), *(_told(business, row) for row in delivery.items)]
    if alert.kind == Alert.Kind.TEST:
        parts.append("This is a test. Alerts of Fieldbridge arrive here.")
    foot = f"{page(business)}\n\nWho is told, and when: {settings.BASE_URL}/b/{business.pk}/settings/alerts/"
    return "\n\n".join([*parts, foot]) + "\n"


def _told(business: Business, row: dict[str, Any]) -> str:
    if row["what"] == "over":
        return f"Over: {row['title']}."
    return f"{row['title']}.\nWhat to do: {row['next_step']}\n{page(business, row)}"


def _numbers(alert: Alert) -> list[str]:
    """The lines of a summary."""
    found = alert.numbers
    if alert.kind != Alert.Kind.DIGEST:
        return []
    lines = [
        f"Written in the last 24 hours: {found['written']:,}",
        f"Looked at and found as it should be: {found['unchanged']:,}",
        f"Not written: {found['failed']:,}",
        f"Settled: {found['closed']:,}",
        f"Needs somebody now: {found['waiting']:,}",
    ]
    return ["\n".join(lines)]


def slack(delivery: Delivery) -> bytes:
    """What Slack, Mattermost, Rocket.Chat and others take. Nobody is called by @ and no link is made of a title."""
    alert, business = delivery.alert, delivery.business
    lines = [f"*{_plain(subject(delivery))}*", *map(_plain, _numbers(alert))]
    for row in delivery.items:
        lines.append(f"• {_plain(_head(row))}{f' {_plain(row["next_step"])}' if row['next_step'] else ''}")
    if alert.kind == Alert.Kind.TEST:
        lines.append("This is a test. Alerts of Fieldbridge arrive here.")
    lines.append(f"<{page(business)}|Open Fieldbridge>")
    return json.dumps({"text": "\n".join(lines)[:MOST]}).encode()


def _head(row: dict[str, Any]) -> str:
    return f"Over: {row['title']}." if row["what"] == "over" else f"{row['title']}."


def _plain(text: str) -> str:
    return text.translate(_SLACK)


def webhook(delivery: Delivery) -> bytes:
    """Described in docs/alerts.md."""
    alert, business = delivery.alert, delivery.business
    kind = "test" if alert.kind == Alert.Kind.TEST else "digest" if alert.kind == Alert.Kind.DIGEST else "incidents"
    said = {
        "id": identity(delivery), "type": kind, "title": alert.title,
        "at": alert.at.astimezone(wording.zone(business)).isoformat(timespec="seconds"),
        "business": {"id": business.pk, "name": business.name, "time_zone": business.time_zone},
        "incidents": [{**row, "url": page(business, row)} for row in delivery.items],
        "numbers": alert.numbers, "url": page(business),
    }  # fmt: skip
    return json.dumps(said, ensure_ascii=False).encode()


def identity(delivery: Delivery) -> str:
    """The same at every try: who has seen it may drop it."""
    return f"alert-{delivery.alert_id}-{delivery.pk}"
