"""Scenes of plain figures: planets, discs, eyes, rows of seats."""

import math

from ..canvas import WIDTH, Canvas, around, number


def orbit(canvas: Canvas) -> None:
    """A ringed planet, its moons, and stars."""
    ink, rng = canvas.palette, canvas.rng
    canvas.stars(60, ink.letters, 340)
    x, y, radius = rng.uniform(110, 190), rng.uniform(150, 190), rng.uniform(78, 100)
    canvas.disc(x, y, radius, ink.sun)
    turn = -math.radians(rng.uniform(20, 60))
    lit, dark = around(x, y, radius, turn), around(x, y, radius, turn + math.pi)
    deep = number(radius * 1.4)
    canvas.path(
        f"M{lit}A{number(radius)} {number(radius)} 0 1 1 {dark}A{deep} {deep} 0 0 0 {lit}z", ink.near, 0.28
    )
    wide, flat, y_edge = number(radius * 1.62), number(radius * 0.42), number(y - radius * 0.16)
    left, right = number(x - radius * 0.92), number(x + radius * 0.92)
    canvas.shapes.append(
        f'<path d="M{left} {y_edge}A{wide} {flat} 0 1 0 {right} {y_edge}" fill="none"'
        f' stroke="{ink.letters}" stroke-width="7"'
        f' transform="rotate({number(rng.uniform(-30, -12))} {number(x)} {number(y)})"/>'
    )
    canvas.disc(x + radius * 1.25, y - radius * 1.02, 11, ink.letters)
    canvas.disc(x - radius * 1.3, y + radius * 0.8, 20, ink.far)
    canvas.path("M0 450V352Q150 300 300 352V450z", ink.near)


def moon(canvas: Canvas) -> None:
    """A very large moon, and a small rocket on its way to it."""
    ink, rng = canvas.palette, canvas.rng
    canvas.stars(50, ink.letters, 330)
    canvas.disc(196, 132, 118, ink.sun)
    for x, y, radius in ((160, 90, 22), (228, 78, 14), (236, 168, 28), (168, 196, 13), (128, 148, 10)):
        canvas.disc(x + rng.uniform(-6, 6), y + rng.uniform(-6, 6), radius, ink.near, 0.22)
    canvas.polygon([(20, 400), (96, 262), (120, 280)], ink.letters, 0.55)
    canvas.path("M92 282l-14-8 4-16 16-8q8-26 40-34-2 34-24 46l0 18-14 8z", ink.letters)
    canvas.disc(116, 238, 6, ink.mid)
    canvas.path("M0 450V352Q150 312 300 352V450z", ink.near)


def machine(canvas: Canvas) -> None:
    """Cogs and pistons in a row, drawn as discs and bars."""
    ink, rng = canvas.palette, canvas.rng
    canvas.rays(150, 200, 12, rng.uniform(0, 1), ink.far)
    for x, y, radius, fill in ((104, 138, 70, ink.mid), (210, 210, 58, ink.near), (92, 272, 50, ink.near)):
        teeth = ""
        count = round(radius / 5)
        for tooth in range(count):
            angle = tooth * math.tau / count
            sides = around(x, y, radius + 13, angle - 0.13), around(x, y, radius + 13, angle + 0.13)
            teeth += f"M{number(x)} {number(y)}L{sides[0]}L{sides[1]}z"
        canvas.path(teeth, fill)
        canvas.disc(x, y, radius, fill)
        canvas.disc(x, y, radius * 0.42, ink.sun)
        canvas.disc(x, y, radius * 0.14, ink.near)
    canvas.box(0, 344, WIDTH, 106, ink.near)


def discs(canvas: Canvas) -> None:
    """Two large discs that overlap, the way two people do."""
    ink, rng = canvas.palette, canvas.rng
    shift = rng.uniform(38, 62)
    y = rng.uniform(160, 200)
    canvas.disc(150 - shift, y, 98, ink.mid)
    canvas.disc(150 + shift, y + rng.uniform(-24, 24), 98, ink.sun, 0.92)
    canvas.path("M0 318q75-40 150 0t150 0V450H0z", ink.far)
    canvas.path("M0 350q75-34 150 0t150 0V450H0z", ink.near)


def eye(canvas: Canvas) -> None:
    """One wide eye and the light that falls into it."""
    ink, rng = canvas.palette, canvas.rng
    canvas.rays(150, 190, 28, rng.uniform(0, 1), ink.far)
    canvas.path("M6 190Q150 40 294 190Q150 340 6 190z", ink.letters)
    canvas.disc(150, 190, 68, ink.mid)
    canvas.disc(150, 190, 52, ink.sun)
    canvas.disc(150, 190, 30, ink.near)
    canvas.disc(164, 176, 9, ink.letters)
    lashes = "".join(
        f"M{number(150 + 150 * math.cos(a))} {number(190 + 106 * math.sin(a))}"
        f"L{number(150 + 182 * math.cos(a))} {number(190 + 140 * math.sin(a))}"
        for a in (math.radians(degrees) for degrees in range(-150, -20, 20))
    )
    canvas.line(lashes, ink.near, 8)
    canvas.box(0, 346, WIDTH, 104, ink.near)


def seats(canvas: Canvas) -> None:
    """The afternoon sun going down behind rows of seats: our own poster."""
    ink, rng = canvas.palette, canvas.rng
    canvas.disc(150, 190, rng.uniform(104, 126), ink.sun)
    for row, fill in enumerate((ink.far, ink.mid, ink.near)):
        width = 36 + row * 16
        top = 236 + row * 46
        data = f"M{-rng.uniform(0, width):.0f} 450"
        data += (
            f"V{top + width // 2}" + f"a{width / 2 - 2:.0f} {width / 2:.0f} 0 0 1 {width - 4} 0v30h4v-30" * 9
        )
        canvas.path(f"{data}V450z", fill)


def bounce(canvas: Canvas) -> None:
    """A ball that left its way on the paper."""
    ink, rng = canvas.palette, canvas.rng
    canvas.polygon([(0, 250), (300, 190), (300, 450), (0, 450)], ink.far)
    canvas.polygon([(0, 320), (300, 290), (300, 450), (0, 450)], ink.near)
    arcs = "M-20 300" + "".join(
        f"q{number(span / 2)} -{number(rise * 2)} {number(span)} 0"
        for span, rise in ((110, 112), (90, 76), (70, 42))
    )
    canvas.line(arcs, ink.letters, 4)
    canvas.disc(rng.uniform(216, 236), 92, 52, ink.sun)
    canvas.disc(34, 190, 28, ink.mid)
    canvas.disc(250, 296, 24, ink.mid)
    canvas.disc(150, 262, 40, ink.near)
    canvas.disc(138, 252, 12, ink.letters)
