"""Render line charts as SVG: panels side by side, without a library; equal figures give equal bytes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

Points = Sequence[tuple[float, float]]

WIDTH: Final = 340
HEIGHT: Final = 240
MARGIN: Final = 52
COLOURS: Final = ("#0b6e4f", "#c8553d", "#2d6cdf", "#8a6d1d", "#7b4ea3")


@dataclass(frozen=True)
class Panel:
    """One chart.

    Attributes:
        title: above the chart.
        x_label: of the x axis, which is logarithmic.
        y_label: of the y axis.
        lines: points by name; a name has the same colour in every panel.
        log_y: whether the y axis is logarithmic, too.
    """

    title: str
    x_label: str
    y_label: str
    lines: Mapping[str, Points]
    log_y: bool = True


def render_svg(panels: Sequence[Panel]) -> str:
    """The panels as one SVG document, with a legend below."""
    names = list(dict.fromkeys(name for panel in panels for name in panel.lines))
    colours = dict(zip(names, COLOURS, strict=False))
    width = WIDTH * len(panels)
    body = [line for number, panel in enumerate(panels) for line in _render_panel(panel, WIDTH * number, colours)]
    for number, name in enumerate(names):
        x, y = 20 + number * (width - 20) // len(names), HEIGHT + 22
        body.append(f'<path d="M{x} {y - 4}h18" stroke="{colours[name]}" stroke-width="2.5"/>')
        body.append(f'<text x="{x + 24}" y="{y}">{escape(name)}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT + 36}" font-family="sans-serif" '
        f'font-size="11" fill="#222">\n<rect width="100%" height="100%" fill="#fff"/>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


def _render_panel(panel: Panel, left: int, colours: Mapping[str, str]) -> list[str]:
    xs = [x for points in panel.lines.values() for x, _ in points]
    ys = [y for points in panel.lines.values() for _, y in points if y > 0 or not panel.log_y]
    low_x, high_x = math.log10(min(xs)), math.log10(max(xs))
    low_y, high_y = (math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))) if panel.log_y else (0, max(ys))
    top, bottom, start, end = 30, HEIGHT - 40, left + MARGIN, left + WIDTH - 20

    def at(x: float, y: float) -> tuple[float, float]:
        right = (math.log10(x) - low_x) / ((high_x - low_x) or 1)
        up = ((math.log10(max(y, 10.0**low_y)) if panel.log_y else y) - low_y) / ((high_y - low_y) or 1)
        return round(start + right * (end - start), 1), round(bottom - up * (bottom - top), 1)

    out = [f'<text x="{(start + end) / 2}" y="16" text-anchor="middle" font-weight="bold">{escape(panel.title)}</text>']
    ticks_y = [10.0**power for power in range(int(low_y), int(high_y) + 1)] if panel.log_y else _linear_ticks(high_y)
    for y in ticks_y:
        _, tick_y = at(10**low_x, y)
        out.append(f'<path d="M{start} {tick_y}H{end}" stroke="#ddd"/>')
        out.append(f'<text x="{start - 5}" y="{tick_y + 4}" text-anchor="end">{_format_tick(y)}</text>')
    for x in sorted(set(xs))[:: max(1, len(set(xs)) // 5)]:
        tick_x, _ = at(x, 10.0**low_y)
        out.append(f'<text x="{tick_x}" y="{bottom + 14}" text-anchor="middle">{_format_tick(x)}</text>')
    out.append(f'<text x="{(start + end) / 2}" y="{bottom + 29}" text-anchor="middle">{escape(panel.x_label)}</text>')
    out.append(f'<text transform="translate({left + 12} {(top + bottom) / 2}) rotate(-90)" text-anchor="middle">')
    out.append(f"{escape(panel.y_label)}</text>")
    for name, points in panel.lines.items():
        path = "L".join("{} {}".format(*at(x, y)) for x, y in points)
        out.append(f'<path d="M{path}" fill="none" stroke="{colours[name]}" stroke-width="2"/>')
    return out


def _linear_ticks(high: float) -> list[float]:
    step = 10 ** math.floor(math.log10(high))
    step = step / 2 if high / step < 2.5 else step
    return [step * number for number in range(int(high / step) + 1)]


def _format_tick(value: float) -> str:
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"
