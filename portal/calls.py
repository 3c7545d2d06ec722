"""What came back from a call that wrote, as people read it."""

import json
from dataclasses import dataclass

from syncs.models import Write

_W = Write.State
#: Why there are no words of the service.
_SILENT = {
    _W.INTENDED: "No answer yet.",
    _W.UNKNOWN: "Nothing: no answer came.",
    _W.UNLEARNT: "Nothing: no answer came.",
    _W.ABSENT: "Nothing: it was not sent, or no answer came.",
}


@dataclass(frozen=True, slots=True)
class CameBack:
    """`body`: what the service said, indented where it is whole; '' where `silent` says why there is nothing."""

    status: str = ""
    body: str = ""
    silent: str = ""


def came_back(write: Write) -> CameBack:
    if not write.answer:
        return CameBack(silent=_SILENT.get(_W(write.state), "What it said word for word is not kept."))
    status, _, body = write.answer.partition("\n")
    return CameBack(status, _indented(body), "" if body else "It said nothing more.")


def _indented(body: str) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):  # it was cut, or is no JSON
        return body
