"""Times as MongoDB is asked for them."""

import datetime as dt
from typing import Final

from mesh.mongo import Document

LONG_AGO: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def come(time: dt.datetime) -> Document:
    """A condition for a time that has come; names the type, or a partial index on it is not used."""
    return {"$lte": time, "$type": "date"}
