"""What browser and device a person used, as they would say it."""

from django import template

register = template.Library()
#: Marks in a User-Agent, the telling ones first: many browsers also claim to be Chrome, Safari and Mozilla.
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
}
BROWSERS |= {"CriOS": "Chrome", "Chrome": "Chrome", "Safari": "Safari"}
DEVICES = {"iPhone": "iPhone", "iPad": "iPad", "Android": "Android", "Windows": "Windows", "CrOS": "Chromebook"}
DEVICES |= {"Mac OS X": "Mac", "Linux": "Linux"}


@register.filter
def browser(user_agent: str) -> str:
    """ "Chrome on Windows"; "Another program" for what is no known browser."""
    name = next((word for mark, word in BROWSERS.items() if mark in user_agent), "")
    device = next((word for mark, word in DEVICES.items() if mark in user_agent), "")
    return " on ".join(filter(None, [name, device])) or "Another program"
