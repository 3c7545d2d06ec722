"""What matches a pattern that a person wrote. RE2 takes time in proportion to the text, whatever the pattern. Pure."""

from functools import lru_cache
from typing import Annotated, Any

from syncs.transforms.arguments import Arg
from syncs.transforms.catalogue import eg, theme
from syncs.transforms.values import Notes, plain

transform = theme("Words")
#: Of one pattern, and of the steps it comes to: RE2's time is the one times the other at worst.
_MEMORY, _STEPS = 1 << 21, 1_500
#: Longer texts are not searched: the first part of one could match where the whole does not.
_READ = 10_000


@lru_cache(maxsize=64)
def compiled(pattern: str) -> Any:
    """ValueError, in words, for one that cannot be used."""
    import re2  # deferred: only needed where a row has a pattern

    options = re2.Options()
    options.max_mem, options.log_errors = _MEMORY, False
    try:
        made = re2.compile(pattern, options)
    except re2.error as error:
        told = error.args[0] if error.args else "it is not a pattern"
        reason = told.decode(errors="replace") if isinstance(told, bytes) else str(told)
        raise ValueError(f"{reason[:100]}. Patterns are written as RE2 takes them, without look-around.") from None
    except UnicodeEncodeError:
        raise ValueError("it holds half a character.") from None
    if made.programsize > _STEPS:
        raise ValueError("it repeats too much. Use + or * in place of a large number in braces.")
    return made


@transform(
    eg("Gate code 4411, dog", "4411", pattern="[0-9]+"), eg("Job #J-204 (roof)", "J-204", pattern="#(\\S+)"),
    eg("nothing here", "", pattern="[0-9]+"), says="what matches the pattern {pattern}",
)  # fmt: skip
def extract(
    value: Any, notes: Notes, *,
    pattern: Annotated[str, Arg("a regular expression, as RE2 takes it", least=1, most=200, check=compiled)],
) -> str:  # fmt: skip
    """The first place that matches the pattern: its first group where it has one, else all of it. Nothing where
    nothing matches. A text of more than 10,000 characters is left out and noted, without a search."""
    raw = plain(value)
    if len(raw) > _READ:
        notes.append(f"is {len(raw):,} characters long, too long to look for a pattern in, so it was not sent")
        return ""
    found = compiled(pattern).search(raw)
    if found is None:
        return ""
    return (found.group(1 if compiled(pattern).groups else 0) or "").strip()
