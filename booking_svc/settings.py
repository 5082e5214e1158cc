"""What booking_svc reads from the environment."""

import datetime as dt
import re
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from booking_svc.domain.duties import Pace
from booking_svc.domain.sign_in import SignInTerms
from booking_svc.domain.terms import Terms
from mesh.amqp import AmqpUrl
from mesh.settings import StoreSettings

_STRIPE_KEY: Final = re.compile("(sk|rk)_(test|live)_[0-9A-Za-z]+")
_STRIPE_SECRET: Final = re.compile("whsec_[0-9A-Za-z+/=_-]+")


class Settings(StoreSettings):
    """booking_svc's settings."""

    mongo_database: str = Field(default="bookings", pattern="^[A-Za-z0-9_-]{1,60}$")
    amqp_url: AmqpUrl
    catalog_target: str
    seat_target: str
    notify_target: str
    public_url: str
    """Where browsers reach the pages; return addresses must lie under it."""

    payment_provider: Literal["sandbox", "stripe"] = "sandbox"
    """Where new payments are started. Whatever else is configured finishes what it has begun."""
    sandbox_url: str = ""
    sandbox_api_key: SecretStr = SecretStr("")
    sandbox_webhook_secret: SecretStr = SecretStr("")
    stripe_api_key: SecretStr = SecretStr("")
    """A secret or a restricted key (`sk_…`, `rk_…`), of test or of live mode."""
    stripe_webhook_secrets: Annotated[tuple[SecretStr, ...], NoDecode] = ()
    """The webhook endpoint's signing secret (`whsec_…`); while it is being rolled, the new one and the
    old one with a comma between."""
    stripe_api_base: str = "https://api.stripe.com"
    """Elsewhere only for an emulator."""

    cancel_minutes: int = Field(default=60, ge=0, le=10_080)
    """A buyer may cancel until so many minutes before the start; stored with each booking."""
    hold_margin_seconds: float = Field(default=3.0, ge=0, le=60)
    """Paying ends so long before the hold does: time to close the payment while the seats are held."""
    confirm_patience_seconds: float = Field(default=900.0, ge=1, le=86_400)
    """A paid booking waits so long for a theatre that is away before the money goes back."""
    most_payments: int = Field(default=10, ge=1, le=50)
    """So many payments may be started for one booking."""
    payment_poll_seconds: float = Field(default=20.0, ge=0.1, le=300)
    """How often a provider is asked about each open payment, besides its list of events."""
    catch_up_seconds: float = Field(default=5.0, ge=0.1, le=300)
    """How often a provider's list of events is read on, for webhooks that were lost."""
    schedule_seconds: float = Field(default=1.0, ge=0.05, le=60)
    """How often it is looked for shows that the catalogue cancelled or moved."""
    recovery_seconds: float = Field(default=1.0, ge=0.05, le=60)
    """How often it is looked for bookings that rest in a passing state."""
    max_concurrent_rpcs: int = Field(default=6000, ge=1, le=100_000)
    """Watchers count, each for as long as it watches."""

    sign_in_secret: SecretStr = Field(min_length=16)
    """Keys the hashes of sign-in codes; the same on every replica. Changed, codes under way are void."""
    hourly_codes_by_address: int = Field(default=5, ge=1, le=50)
    """So many sign-in codes an hour go to one address."""
    daily_codes_by_address: int = Field(default=10, ge=1, le=100)
    hourly_codes_by_ip: int = Field(default=20, ge=1, le=500)
    """So many an hour may be asked for from one IP address (or IPv6 /64)."""
    codes_a_minute: int = Field(default=120, ge=1, le=1000)
    """So many are sent in a minute in all."""
    sign_in_days: int = Field(default=30, ge=1, le=180)
    """How long a sign-in lasts, used or not."""
    fresh_sign_in_minutes: int = Field(default=10, ge=1, le=120)
    """So long after signing in a person may ask for an export or an erasure."""
    erasure_seconds: float = Field(default=5.0, ge=0.05, le=300)
    """How often it is looked for people who are to be erased."""

    @field_validator("stripe_webhook_secrets", mode="before")
    @classmethod
    def _separated(cls, secrets: Any) -> Any:
        return tuple(secret.strip() for secret in secrets.split(",")) if isinstance(secrets, str) else secrets

    @field_validator("stripe_api_key")
    @classmethod
    def _stripe_key(cls, key: SecretStr) -> SecretStr:
        if key.get_secret_value() and not _STRIPE_KEY.fullmatch(key.get_secret_value()):
            raise ValueError("must begin with sk_test_, sk_live_, rk_test_ or rk_live_")
        return key

    @field_validator("stripe_webhook_secrets")
    @classmethod
    def _stripe_secrets(cls, secrets: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if len(secrets) > 2 or not all(_STRIPE_SECRET.fullmatch(each.get_secret_value()) for each in secrets):
            raise ValueError("must be one or two secrets that begin with whsec_, the newest first")
        return secrets

    @field_validator("public_url", "sandbox_url", "stripe_api_base")
    @classmethod
    def _http_address(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in {"http", "https"} or not parts.hostname):
            raise ValueError("must be an http or https address")
        return url.rstrip("/")

    @model_validator(mode="after")
    def _provider_configured(self) -> "Settings":
        if not self.public_url:
            raise ValueError("PUBLIC_URL is needed")
        if self.has_sandbox is None:
            raise ValueError("SANDBOX_URL, SANDBOX_API_KEY and SANDBOX_WEBHOOK_SECRET go together")
        if self.has_stripe is None:
            raise ValueError("STRIPE_API_KEY and STRIPE_WEBHOOK_SECRETS go together")
        if self.payment_provider == "sandbox" and not self.has_sandbox:
            raise ValueError("SANDBOX_URL, SANDBOX_API_KEY and SANDBOX_WEBHOOK_SECRET are needed")
        if self.payment_provider == "stripe" and not self.has_stripe:
            raise ValueError("STRIPE_API_KEY and STRIPE_WEBHOOK_SECRETS are needed")
        if "_live_" in self.stripe_api_key.get_secret_value() and not self.stripe_api_base.startswith(
            "https:"
        ):
            raise ValueError("STRIPE_API_BASE must be an https address for a live STRIPE_API_KEY")
        return self

    @property
    def has_sandbox(self) -> bool | None:
        """Whether the sandbox is configured; None when only a part of it is."""
        return _all_or_none(self.sandbox_url, self.sandbox_api_key, self.sandbox_webhook_secret)

    @property
    def has_stripe(self) -> bool | None:
        """Whether Stripe is configured; None when only a part of it is."""
        return _all_or_none(self.stripe_api_key, self.stripe_webhook_secrets)

    @property
    def terms(self) -> Terms:
        """The rules that an operator may choose."""
        return Terms(
            cancel_minutes=self.cancel_minutes,
            hold_margin_seconds=self.hold_margin_seconds,
            confirm_patience_seconds=self.confirm_patience_seconds,
            most_payments=self.most_payments,
            public_url=self.public_url,
            pace=Pace(poll_seconds=self.payment_poll_seconds),
        )

    @property
    def sign_in_terms(self) -> SignInTerms:
        """How signing in is limited."""
        return SignInTerms(
            hourly_by_address=self.hourly_codes_by_address,
            daily_by_address=self.daily_codes_by_address,
            hourly_by_ip=self.hourly_codes_by_ip,
            a_minute=self.codes_a_minute,
            lifetime=dt.timedelta(days=self.sign_in_days),
            fresh=dt.timedelta(minutes=self.fresh_sign_in_minutes),
        )


def _all_or_none(*parts: str | SecretStr | tuple[SecretStr, ...]) -> bool | None:
    given = {bool(len(part)) for part in parts}
    return given.pop() if len(given) == 1 else None
