"""What a scene draws on: flat cut-paper shapes on a sheet of 300 by 450, kept as short SVG."""

import math
import random
from dataclasses import dataclass, field

from .palettes import Palette

WIDTH = 300
HEIGHT = 450

Point = tuple[float, float]


def number(value: float) -> str:
    """A coordinate with at most one decimal, as short as it can be written."""
    text = f"{value:.1f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def around(x: float, y: float, radius: float, angle: float) -> str:
    """The point at an angle (radians, clockwise from the right) on a circle, as coordinates."""
    return f"{number(x + radius * math.cos(angle))} {number(y + radius * math.sin(angle))}"


@dataclass(slots=True)
class Canvas:
    """Collects shapes in painting order; equal seeds give equal pictures."""

    palette: Palette
    rng: random.Random
    shapes: list[str] = field(default_factory=list)

    def disc(self, x: float, y: float, radius: float, fill: str, opacity: float = 1) -> None:
        """A filled circle."""
        self._add(f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(radius)}"{_paint(fill, opacity)}/>')

    def ring(self, x: float, y: float, radius: float, stroke: str, width: float) -> None:
        """A circle's line."""
        self._add(
            f'<circle cx="{number(x)}" cy="{number(y)}" r="{number(radius)}" fill="none"'
            f' stroke="{stroke}" stroke-width="{number(width)}"/>'
        )

    def box(self, x: float, y: float, width: float, height: float, fill: str, opacity: float = 1) -> None:
        """An upright rectangle."""
        self._add(
            f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}"'
            f"{_paint(fill, opacity)}/>"
        )

    def polygon(self, points: list[Point], fill: str, opacity: float = 1) -> None:
        """A closed shape with straight sides."""
        path = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in points) + "z"
        self.path(path, fill, opacity)

    def path(self, data: str, fill: str, opacity: float = 1) -> None:
        """A filled path."""
        self._add(f'<path d="{data}"{_paint(fill, opacity)}/>')

    def line(self, data: str, stroke: str, width: float) -> None:
        """A stroked path."""
        self._add(f'<path d="{data}" fill="none" stroke="{stroke}" stroke-width="{number(width)}"/>')

    def stars(self, count: int, fill: str, bottom: float) -> None:
        """Small discs scattered above a height, as one path."""
        dots = []
        for _ in range(count):
            x, y = self.rng.uniform(8, WIDTH - 8), self.rng.uniform(8, bottom)
            size = self.rng.choice((1, 1, 1.5, 2.2))
            dots.append(f"M{number(x)} {number(y)}h{number(size)}v{number(size)}h-{number(size)}z")
        self.path("".join(dots), fill)

    def ridge(self, base: float, swing: float, steps: int, fill: str) -> None:
        """A soft range of hills from edge to edge, filled down to the foot of the sheet."""
        step = WIDTH / steps
        heights = [base + self.rng.uniform(-swing, swing) for _ in range(steps + 1)]
        data = f"M0 {HEIGHT}V{number(heights[0])}"
        for index in range(1, steps + 1):
            middle = (index - 0.5) * step
            data += (
                f"C{number(middle)} {number(heights[index - 1])} {number(middle)} {number(heights[index])}"
                f" {number(index * step)} {number(heights[index])}"
            )
        self.path(f"{data}V{HEIGHT}z", fill)

    def rays(self, x: float, y: float, count: int, turn: float, fill: str, opacity: float = 1) -> None:
        """Wedges of light from a point to beyond the edges, as one path."""
        reach = 700.0
        data = ""
        for index in range(count):
            start = turn + index * math.tau / count
            end = start + math.pi / count
            near, far = around(x, y, reach, start), around(x, y, reach, end)
            data += f"M{number(x)} {number(y)}L{near}L{far}z"
        self.path(data, fill, opacity)

    def _add(self, shape: str) -> None:
        self.shapes.append(shape)


def _paint(fill: str, opacity: float) -> str:
    return f' fill="{fill}"' + (f' opacity="{number(opacity)}"' if opacity < 1 else "")
