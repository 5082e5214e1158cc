"""Text messages."""

from notify_svc.channels.sms.sender import SmsSender

__all__ = ["SmsSender"]
