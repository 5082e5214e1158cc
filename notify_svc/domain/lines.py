"""Text from people, for places that hold one line."""

import re

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def one_line(text: str) -> str:
    """The text without line ends and control characters, single spaces between its words."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split())
