"""What a visitor's request can end in besides a page; each becomes an error page."""


class FormRefused(Exception):
    """A form that did not come from a page of ours in the same session; nothing was changed."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class HostRefused(Exception):
    """A request that names a host which this site does not answer for."""


class TooManyWatchers(Exception):
    """This process keeps as many live connections open as it may."""


class PageMissing(Exception):
    """There is no page at this address."""


class FormMalformed(Exception):
    """A form that a browser would not send from our pages: fields missing, repeated or far too long."""
