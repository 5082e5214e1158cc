"""Asking MongoDB, within bounds."""

from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.errors import ConnectionFailure, PyMongoError

from mesh.errors import StoreUnavailable
from mesh.mongo import STEP_SECONDS, within_deadline


@contextmanager
def store_call() -> Iterator[None]:
    """Bounds what is asked inside; a store that does not answer is `StoreUnavailable`."""
    try:
        with within_deadline(STEP_SECONDS):
            yield
    except PyMongoError as error:
        unanswered = isinstance(error, ConnectionFailure) or error.timeout
        if unanswered or error.has_error_label("RetryableWriteError"):
            raise StoreUnavailable("mongodb") from error
        raise
