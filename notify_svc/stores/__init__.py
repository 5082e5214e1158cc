"""Where notifications, preferences and request ids are kept."""
