"""Scenes among buildings, indoors and at night."""

from ..canvas import HEIGHT, WIDTH, Canvas, number


def skyline(canvas: Canvas) -> None:
    """Towers in three depths with a few windows lit."""
    ink, rng = canvas.palette, canvas.rng
    canvas.disc(rng.uniform(80, 220), rng.uniform(90, 130), rng.uniform(48, 70), ink.sun)
    for fill, low, high, width in (
        (ink.far, 120, 250, 34),
        (ink.mid, 170, 300, 44),
        (ink.near, 240, 340, 56),
    ):
        data, windows = "", ""
        x = -rng.uniform(0, 30)
        while x < WIDTH:
            breadth = width * rng.uniform(0.7, 1.25)
            top = rng.uniform(low, high)
            shoulder = breadth * 0.25
            data += (
                f"M{number(x)} {HEIGHT}V{number(top)}h{number(shoulder)}v-16"
                f"h{number(breadth - 2 * shoulder)}v16h{number(shoulder)}V{HEIGHT}z"
            )
            for _ in range(3 if fill == ink.near else 2):
                column = x + breadth * rng.choice((0.25, 0.5, 0.7))
                windows += f"M{number(column)} {number(top + rng.randrange(14, 90, 12))}h5v7h-5z"
            x += breadth + rng.uniform(0, 6)
        canvas.path(data, fill)
        canvas.path(windows, ink.sun)


def house(canvas: Canvas) -> None:
    """A crooked house on a hill before an outsized moon."""
    ink, rng = canvas.palette, canvas.rng
    canvas.stars(26, ink.letters, 200)
    canvas.disc(150, 150, 108, ink.sun)
    lean = rng.uniform(-14, 14)
    canvas.polygon([(104, 310), (108 + lean, 160), (192 + lean, 152), (198, 310)], ink.near)
    canvas.polygon([(92 + lean, 164), (134 + lean, 88), (150 + lean, 158)], ink.near)
    canvas.polygon([(140 + lean, 160), (176 + lean, 62), (212 + lean, 154)], ink.near)
    canvas.box(164 + lean, 176, 13, 20, ink.sun)
    canvas.box(124 + lean / 2, 206, 12, 18, ink.sun)
    canvas.path(f"M{number(144 + lean / 3)} 306v-38a9 9 0 0 1 18 0v38z", ink.sun)
    canvas.ridge(304, 6, 2, ink.near)
    branch = rng.choice((1, -1))
    x = 150 + branch * 112
    canvas.line(
        f"M{x} 345Q{x} 250 {x - branch * 4} 196M{x} 270l{branch * 26} -34M{x} 300l{-branch * 28} -34"
        f"M{x - branch * 2} 236l{-branch * 20} -26",
        ink.near,
        5,
    )


def blinds(canvas: Canvas) -> None:
    """Light through a blind, and somebody in the doorway."""
    ink, rng = canvas.palette, canvas.rng
    canvas.polygon([(40, 0), (260, 0), (300, 330), (0, 330)], ink.far)
    slats = ""
    for step in range(9):
        y = 14 + step * 34
        slats += f"M-4 {y}l308-{number(rng.uniform(12, 16))}v15L-4 {y + 17}z"
    canvas.path(slats, ink.sun)
    x = rng.choice((112, 150, 190))
    canvas.path(f"M{x - 58} 450V250a58 62 0 0 1 116 0v200z", ink.near)
    canvas.disc(x, 150, 40, ink.near)
    canvas.path(f"M{x - 74} 138q74 22 148 0q-20-12-34-14l-8-40q-32-14-64 0l-8 40q-18 4-34 14z", ink.near)
    canvas.box(0, 356, WIDTH, 94, ink.near)


def stairs(canvas: Canvas) -> None:
    """A stair of slanting steps between walls that lean the wrong way."""
    ink, rng = canvas.palette, canvas.rng
    canvas.polygon([(0, 0), (130, 0), (70, 340), (0, 400)], ink.far)
    canvas.polygon([(300, 0), (210, 0), (240, 300), (300, 380)], ink.mid)
    canvas.polygon([(130, 0), (210, 0), (226, 170), (104, 190)], ink.sun)
    tilt = rng.uniform(-9, 9)
    for step in range(9):
        y = 176 + step * 25
        spread = 26 + step * 17
        canvas.polygon(
            [
                (150 - spread, y + tilt),
                (150 + spread, y - tilt),
                (150 + spread + 14, y + 17),
                (150 - spread - 14, y + 21),
            ],
            ink.near if step % 2 == 0 else ink.mid,
        )
    canvas.path("M138 178l4-62a9 10 0 0 1 18 0l6 62z", ink.near)
    canvas.disc(151, 94, 11, ink.near)
    canvas.polygon([(146, 176), (166, 176), (262, 360), (216, 372)], ink.near, 0.5)


def clock(canvas: Canvas) -> None:
    """A tower clock at half past two."""
    ink, rng = canvas.palette, canvas.rng
    canvas.rays(150, 176, 16, rng.uniform(0, 1), ink.far)
    canvas.path("M44 450V150L150 20l106 130v300z", ink.mid)
    canvas.disc(150, 180, 94, ink.near)
    canvas.disc(150, 180, 82, ink.letters)
    marks = "".join(f"M{x} {y}h8v8h-8z" for x, y in ((146, 106), (146, 246), (76, 176), (216, 176)))
    canvas.path(marks, ink.near)
    canvas.line("M150 180v62M150 180l46 20", ink.near, 9)
    canvas.disc(150, 180, 12, ink.sun)
    canvas.box(0, 340, WIDTH, 110, ink.near)


def stage(canvas: Canvas) -> None:
    """Curtains drawn back from a lit stage."""
    ink, rng = canvas.palette, canvas.rng
    canvas.polygon([(150, -20), (292, 350), (8, 350)], ink.sun, 0.9)
    canvas.disc(150, 330, 118, ink.letters, 0.5)
    figure = rng.choice((128, 150, 172))
    canvas.path(f"M{figure - 26} 345l14-110a12 14 0 0 1 24 0l14 110z", ink.near)
    canvas.disc(figure, 208, 17, ink.near)
    for side in (0, 1):
        for fold, (width, fill) in enumerate(((104, ink.near), (80, ink.mid), (52, ink.far), (24, ink.mid))):
            edge = width + rng.uniform(-5, 5)
            outer, inner = (0, edge) if side == 0 else (WIDTH, WIDTH - edge)
            bend = inner + (1 - 2 * side) * (-18 + fold * 3)
            canvas.path(
                f"M{outer} 0H{number(inner)}C{number(inner)} 150"
                f" {number(bend)} 210 {number(bend)} 360H{outer}z",
                fill,
            )
    canvas.path("M0 0h300v26" + "a25 22 0 0 1-50 0" * 6 + "z", ink.near)
    canvas.box(0, 350, WIDTH, 100, ink.near)
