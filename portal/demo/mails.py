"""Shows the mails the portal sends, in the terminal, so that a person can follow their links."""

from email import message_from_bytes, policy
from pathlib import Path

#: What separates several mails in one file of Django's.
_RULE = b"-" * 79


class Mails:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shown = {path: path.stat().st_size for path in folder.glob("*.log")}

    def show_new(self) -> None:
        for path in sorted(self._folder.glob("*.log")):
            size, before = path.stat().st_size, self._shown.get(path, 0)
            if size > before:
                fresh = path.read_bytes()[before:size]
                if not fresh.rstrip().endswith(_RULE):
                    continue  # still being written
                self._shown[path] = size
                for raw in fresh.split(_RULE):
                    if raw.strip():
                        print(_words(raw), flush=True)


def _words(raw: bytes) -> str:
    mail = message_from_bytes(raw.lstrip(), policy=policy.default)
    body = mail.get_body(("plain",))
    text = body.get_content() if body else ""
    lines = [f"To: {mail['To']}", f"Subject: {mail['Subject']}", "", *text.strip().splitlines()]
    return "\n" + "\n".join(f"[mail] {line}" for line in lines) + "\n"
