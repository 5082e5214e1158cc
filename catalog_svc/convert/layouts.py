"""Layouts as messages, converted once: that is most of the cost of GetShow, and a layout never changes."""

from matinee.type.v1 import layout_pb2

from catalog_svc.convert import to_proto
from catalog_svc.domain.theatres import Layout

_MOST = 256


class LayoutMessages:
    """The messages of the layouts asked for last. They are shared: nobody may change them."""

    def __init__(self) -> None:
        self._messages: dict[str, layout_pb2.Layout] = {}

    def message(self, layout: Layout) -> layout_pb2.Layout:
        """The layout's message."""
        message = self._messages.pop(layout.layout_id, None) or to_proto.layout(layout)
        self._messages[layout.layout_id] = message
        if len(self._messages) > _MOST:
            del self._messages[next(iter(self._messages))]
        return message
