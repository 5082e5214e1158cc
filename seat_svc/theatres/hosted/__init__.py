"""Theatres whose seats are kept here: holds in the ledger, sales in the store that has the last word."""

from seat_svc.theatres.hosted.theatre import HostedTheatre

__all__ = ["HostedTheatre"]
