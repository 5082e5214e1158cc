"""E-mail."""

from notify_svc.channels.email.sender import EmailSender

__all__ = ["EmailSender"]
