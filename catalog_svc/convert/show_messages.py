"""Shows and layouts as messages, converted once: that is most of the cost of GetShow."""

from matinee.catalog.v1 import catalog_pb2
from matinee.type.v1 import layout_pb2

from catalog_svc.convert import to_proto
from catalog_svc.domain.theatres import Layout
from catalog_svc.usecases.browse import ShowDetails
from mesh.recent import Recent

_MOST_LAYOUTS = 256
_MOST_SHOWS = 300
"""Some 40 kB each in a hall of 300 seats."""


class ShowMessages:
    """The messages of what was asked for last. They are shared: nobody may change them."""

    def __init__(self) -> None:
        self._layouts: Recent[str, layout_pb2.Layout] = Recent(_MOST_LAYOUTS)
        self._shows: Recent[str, tuple[ShowDetails, catalog_pb2.GetShowResponse]] = Recent(_MOST_SHOWS)

    def message(self, details: ShowDetails) -> catalog_pb2.GetShowResponse:
        """The answer."""
        show_id = details.show.plan.show_id
        made = self._shows.get(show_id)
        if made is None or not _same(made[0], details):
            made = self._shows.put(show_id, (details, self._made(details)))
        return made[1]

    def _made(self, details: ShowDetails) -> catalog_pb2.GetShowResponse:
        return catalog_pb2.GetShowResponse(
            show=to_proto.show(details.show, details.theatre),
            movie=to_proto.movie(details.movie),
            theatre=to_proto.theatre(details.theatre),
            screen=to_proto.screen(details.screen),
            layout=self._layout(details.layout),
        )

    def _layout(self, layout: Layout) -> layout_pb2.Layout:
        known = self._layouts.get(layout.layout_id)
        return known or self._layouts.put(layout.layout_id, to_proto.layout(layout))


def _same(some: ShowDetails, other: ShowDetails) -> bool:
    """Whether it is the very same that was read, which what is remembered is until it changes."""
    return (
        some.show is other.show
        and some.movie is other.movie
        and some.theatre is other.theatre
        and some.screen is other.screen
    )
