"""What happens around every request, one concern a module; the order is in `MIDDLEWARES`."""

from aiohttp.typedefs import Middleware

from .errors import errors_to_pages
from .forms import refuse_foreign_forms
from .hosts import refuse_foreign_hosts
from .log import log_and_measure
from .sessions import keep_session

MIDDLEWARES: tuple[Middleware, ...] = (
    log_and_measure,
    keep_session,
    errors_to_pages,
    refuse_foreign_hosts,
    refuse_foreign_forms,
)
"""From the outermost: the log sees every answer, and error pages know their visitor's language and city."""
