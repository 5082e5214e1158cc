"""Redis keeps what is soft, MongoDB what is sold."""
