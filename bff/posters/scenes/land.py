"""Scenes under an open sky."""

import math

from ..canvas import HEIGHT, WIDTH, Canvas, number


def hills(canvas: Canvas) -> None:
    """Layered hills with a big low sun and one tree."""
    ink, rng = canvas.palette, canvas.rng
    canvas.disc(rng.choice((95, 150, 205)), rng.uniform(130, 185), rng.uniform(70, 96), ink.sun)
    canvas.ridge(215, 34, 3, ink.far)
    canvas.ridge(268, 30, 3, ink.mid)
    x, foot = rng.choice((70.0, 232.0)), 300.0
    canvas.line(f"M{number(x)} {number(foot + 30)}V{number(foot - 70)}", ink.near, 6)
    canvas.disc(x, foot - 92, 36, ink.near)
    canvas.disc(x + 22, foot - 66, 22, ink.near)
    canvas.ridge(330, 18, 4, ink.near)


def peaks(canvas: Canvas) -> None:
    """Mountains of folded paper, one side in the light."""
    ink, rng = canvas.palette, canvas.rng
    canvas.disc(rng.uniform(200, 240), rng.uniform(70, 110), 44, ink.sun)
    for base, width, lit, dark in ((330, 150, ink.far, ink.mid), (400, 175, ink.mid, ink.near)):
        x = rng.uniform(-60, -10)
        while x < WIDTH:
            top = base - rng.uniform(110, 215)
            peak = x + width * rng.uniform(0.42, 0.58)
            canvas.polygon([(x, base + 60), (peak, top), (x + width, base + 60)], lit)
            canvas.polygon(
                [(peak, top), (x + width, base + 60), (peak - 22, base + 60), (peak + 9, (top + base) / 2)],
                dark,
            )
            x += width * rng.uniform(0.6, 0.85)
    canvas.box(0, 392, WIDTH, HEIGHT - 392, ink.near)


def sea(canvas: Canvas) -> None:
    """A small boat between tall scalloped waves."""
    ink, rng = canvas.palette, canvas.rng
    sun_x = rng.uniform(90, 210)
    canvas.disc(sun_x, 165, rng.uniform(62, 84), ink.sun)
    boat = rng.uniform(90, 200)
    canvas.polygon([(boat, 250), (boat, 140), (boat + 58, 240)], ink.letters)
    canvas.polygon([(boat - 6, 250), (boat - 6, 165), (boat - 38, 242)], ink.letters, 0.8)
    canvas.path(f"M{number(boat - 44)} 248h112l-20 30h-72z", ink.near)
    for index, (top, fill) in enumerate(((258, ink.far), (294, ink.mid), (332, ink.near))):
        radius = 25 + index * 6
        start = -rng.uniform(0, radius * 2)
        data = f"M{number(start)} {HEIGHT}V{top}"
        x = start
        while x < WIDTH:
            data += f"a{radius} {radius} 0 0 0 {radius * 2} 0"
            x += radius * 2
        canvas.path(f"{data}V{HEIGHT}z", fill)


def flora(canvas: Canvas) -> None:
    """Cut-paper stems and leaves that reach for the light."""
    ink, rng = canvas.palette, canvas.rng
    canvas.disc(150, 150, 92, ink.sun)
    fills = (ink.far, ink.mid, ink.near)
    for index in range(6):
        x = 22 + index * 51 + rng.uniform(-9, 9)
        top = rng.uniform(60, 235)
        fill = fills[index % 3]
        canvas.line(f"M{number(x)} {HEIGHT}V{number(top)}", fill, 4)
        y, side = top, 1
        data = ""
        while y < 400:
            reach = rng.uniform(24, 38) * side
            stem, tip, foot = number(x), number(x + reach), number(y + 30)
            data += (
                f"M{stem} {foot}C{stem} {number(y + 2)} {tip} {number(y + 8)} {tip} {number(y - 16)}"
                f"C{number(x + reach * 0.2)} {number(y - 14)} {stem} {number(y + 4)} {stem} {foot}z"
            )
            y, side = y + rng.uniform(24, 36), -side
        canvas.path(data, fill)


def wings(canvas: Canvas) -> None:
    """A flock of folded birds in front of rays."""
    ink, rng = canvas.palette, canvas.rng
    canvas.rays(150, 480, 22, rng.uniform(0, 1), ink.far, 0.7)
    canvas.disc(rng.uniform(80, 220), 130, 58, ink.sun)
    fills = (ink.mid, ink.near, ink.letters)
    for index in range(7):
        size = rng.uniform(16, 32) if index else 74
        x = rng.uniform(40, 250) if index else 150
        y = rng.uniform(50, 300) if index else 215
        lift = size * rng.uniform(0.5, 0.8)
        fill = fills[index % 3] if index else ink.near
        canvas.polygon([(x - size, y - lift), (x, y), (x - size * 0.25, y + size * 0.28)], fill)
        canvas.polygon([(x + size, y - lift), (x, y), (x + size * 0.1, y + size * 0.42)], fill, 0.85)
    canvas.box(0, 350, WIDTH, 100, ink.near)


def rails(canvas: Canvas) -> None:
    """A locomotive's round face on converging rails."""
    ink, rng = canvas.palette, canvas.rng
    canvas.rays(150, 190, 18, rng.uniform(0, 1), ink.far)
    canvas.box(0, 255, WIDTH, 195, ink.mid)
    for step in range(7):
        spread = step * step * 4.2
        canvas.box(110 - spread, 262 + step * step * 4, 80 + spread * 2, 4 + step * 1.6, ink.near)
    canvas.polygon([(128, 255), (136, 255), (60, 450), (20, 450)], ink.letters)
    canvas.polygon([(164, 255), (172, 255), (280, 450), (240, 450)], ink.letters)
    canvas.disc(150, 185, 92, ink.near)
    canvas.ring(150, 185, 76, ink.mid, 5)
    canvas.box(132, 52, 36, 50, ink.near)
    canvas.disc(150, 150, 25, ink.sun)
    for puff in range(5):
        canvas.disc(150 + math.sin(puff) * 22 + puff * 13, 44 - puff * 11, 17 + puff * 4.5, ink.letters, 0.9)
    canvas.polygon([(78, 258), (222, 258), (252, 312), (48, 312)], ink.near)
