"""Live pages: server-sent events, and one watch of each show for all who look at it."""

from .feeds import SeatFeeds
from .streams import EventStream, LiveStreams

__all__ = ["EventStream", "LiveStreams", "SeatFeeds"]
