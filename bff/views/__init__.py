"""Request handlers, one module for each group of pages: read, ask, present, answer."""
