"""A figure beside its aim, and how they are printed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

HEADS = ("figure", "measured", "aim", "met?")


@dataclass(frozen=True, slots=True)
class Figure:
    """`met` is None where there is no aim, or where it could not be measured."""

    name: str
    measured: str
    aim: str = ""
    met: bool | None = None


def at_most(name: str, value: float, most: float, unit: str = "", digits: int = 2) -> Figure:
    return Figure(name, _shown(value, unit, digits), f"<= {most:g}{_space(unit)}", value <= most)


def at_least(name: str, value: float, least: float, unit: str = "", digits: int = 2) -> Figure:
    return Figure(name, _shown(value, unit, digits), f">= {least:g}{_space(unit)}", value >= least)


def exactly(name: str, value: int, wanted: int) -> Figure:
    return Figure(name, f"{value:,}", f"{wanted:,}", value == wanted)


def plain(name: str, value: float, unit: str = "", digits: int = 2) -> Figure:
    return Figure(name, _shown(value, unit, digits))


def _shown(value: float, unit: str, digits: int) -> str:
    return f"{value:,.{digits}f}{_space(unit)}"


def _space(unit: str) -> str:
    return f" {unit}" if unit and unit != "%" else unit


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of them do not exceed; NaN of none."""
    if not values:
        return math.nan
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def lines(figures: Sequence[Figure]) -> list[str]:
    rows = [HEADS, *((f.name, f.measured, f.aim, _word(f)) for f in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
    padded = [" | ".join(_cell(row, column, widths) for column in range(len(HEADS))).rstrip() for row in rows]
    return [padded[0], "-+-".join("-" * width for width in widths), *padded[1:]]


def _cell(row: Sequence[str], column: int, widths: Sequence[int]) -> str:
    return row[column].rjust(widths[column]) if column == 1 else row[column].ljust(widths[column])


def _word(figure: Figure) -> str:
    return {True: "yes", False: "NO", None: ""}[figure.met]


def summary(figures: Sequence[Figure]) -> str:
    aims = [f for f in figures if f.met is not None]
    missed = sum(not f.met for f in aims)
    return f"{missed} of {len(aims)} aims are MISSED: see NO above." if missed else f"All {len(aims)} aims are met."
