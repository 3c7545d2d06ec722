"""Log lines that outside text cannot forge."""

import logging


class OneLine(logging.Formatter):
    """One event, one line: line breaks and escape sequences in names from outside are shown, not obeyed."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        head, *trace = text.split("\nTraceback", 1)
        safe = "".join(c if c.isprintable() else repr(c)[1:-1] for c in head)
        return safe + ("\nTraceback" + trace[0] if trace else "")
