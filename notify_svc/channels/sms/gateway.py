"""Handing text messages to an HTTP gateway.

One request for each message, in a form that gateways of many makers take or that a few lines in
front of them turn into theirs::

    POST {SMS_GATEWAY_URL}
    Authorization: Bearer {SMS_GATEWAY_TOKEN}
    Idempotency-Key: 9f86d081884c7d659a2feaa0c55ad015
    {"to": "+351912345678", "text": "271828 is your sign-in code"}

2xx means taken. The key is the same for every try of one message.
"""

from typing import Final

import aiohttp
from pydantic import SecretStr

from notify_svc.errors import ChannelUnavailable, RecipientRefused

_NEVER: Final = frozenset({400, 404, 410, 422})
"""Answers about this message or this number; all others may be mended here or there."""


class SmsGateway:
    """A third party's HTTP interface; a context manager for its connections."""

    def __init__(self, url: str, token: SecretStr, seconds: float) -> None:
        self._url = url
        self._token = token
        self._seconds = seconds
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "SmsGateway":
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=self._seconds))
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._http is not None:
            await self._http.close()

    async def send(self, key: str, number: str, text: str) -> None:
        """Returns once the gateway has taken the message.

        Raises ChannelUnavailable or RecipientRefused; their texts repeat nothing that it said, as
        gateways name the number.
        """
        assert self._http is not None, "entered when the process starts"
        headers = {"Idempotency-Key": key}
        if self._token.get_secret_value():
            headers["Authorization"] = f"Bearer {self._token.get_secret_value()}"
        try:
            async with self._http.post(
                self._url, json={"to": number, "text": text}, headers=headers, allow_redirects=False
            ) as response:
                status = response.status
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ChannelUnavailable(f"the text gateway is away: {type(error).__name__}") from None
        if status in _NEVER:
            raise RecipientRefused(f"the text gateway refused the message: {status}")
        if not 200 <= status < 300:
            raise ChannelUnavailable(f"the text gateway answered {status}")
