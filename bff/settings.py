"""The environment of the web front end."""

from functools import cached_property
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from mesh.settings import ProcessSettings

_LOOPBACK = frozenset({"127.0.0.1", "localhost"})


class BffSettings(ProcessSettings):
    """What the web front end reads."""

    mesh_token: SecretStr
    """Proves to the services that this process is one of the installation."""
    catalog_target: str
    seat_target: str
    booking_target: str
    notify_target: str
    public_url: str = "http://127.0.0.1:8080"
    """The address that browsers use: scheme, host and port, nothing more."""
    allowed_hosts: tuple[str, ...] = ()
    """Further `host` or `host:port` that requests may name, as JSON; the public address is always allowed."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Networks whose X-Forwarded-For is believed, as JSON."""
    session_secret: SecretStr = Field(min_length=16)
    """Signs cookies and form tokens; the same on every replica."""
    previous_session_secret: SecretStr | None = None
    """Still accepted, not used for new cookies: for changing the secret without ending sessions."""
    inbox_url: str | None = None
    """The demo's inbox; without it there is no `/dev/inbox`."""
    request_seconds: float = Field(default=5.0, gt=0, le=60)
    """How long a request may take, all calls it makes included."""
    body_seconds: float = Field(default=10.0, gt=0, le=120)
    """How long a browser may take to send a form."""
    catalogue_cache_seconds: float = Field(default=10.0, ge=0, le=3600)
    """How old lists of the catalogue may be; 0 keeps nothing, not even single shows until they change."""
    live_streams: int = Field(default=2000, ge=1, le=100_000)
    """Live connections (seat maps, waiting pages) that this process keeps open at once."""
    live_streams_by_address: int = Field(default=500, ge=1, le=100_000)
    """So many of them may come from one IP address (or IPv6 /64)."""

    @field_validator("public_url")
    @classmethod
    def _checked_public_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query:
            raise ValueError("must be http(s)://host[:port]")
        return f"{parts.scheme}://{parts.netloc}"

    @cached_property
    def secure(self) -> bool:
        """Whether browsers reach the site by https."""
        return self.public_url.startswith("https://")

    @cached_property
    def hosts(self) -> frozenset[str]:
        """Every host, in lower case, that a request may name; a loopback address by both its names."""
        public = urlsplit(self.public_url)
        named = {public.netloc, *self.allowed_hosts}
        if public.hostname in _LOOPBACK:
            port = f":{public.port}" if public.port else ""
            named |= {f"{name}{port}" for name in _LOOPBACK}
        return frozenset(host.lower() for host in named)
