"""Which providers are configured: whole or not at all, and no secret is ever shown."""

import pytest

from booking_svc.settings import Settings
from mesh.settings import SettingsInvalid, load_settings

ALWAYS = {
    "MESH_TOKEN": "a-mesh-token",
    "MONGO_URL": "mongodb://127.0.0.1:1",
    "AMQP_URL": "amqp://guest:guest@127.0.0.1:1/%2F",
    "CATALOG_TARGET": "127.0.0.1:1",
    "SEAT_TARGET": "127.0.0.1:1",
    "NOTIFY_TARGET": "127.0.0.1:1",
    "PUBLIC_URL": "https://shop.example",
    "SIGN_IN_SECRET": "a-sign-in-secret-for-tests",
}
SANDBOX = {"SANDBOX_URL": "http://s.example", "SANDBOX_API_KEY": "key", "SANDBOX_WEBHOOK_SECRET": "secret"}
STRIPE = {"STRIPE_API_KEY": "rk_live_s3cret", "STRIPE_WEBHOOK_SECRETS": "whsec_s3cretNew, whsec_s3cretOld"}
CHOSEN = {"PAYMENT_PROVIDER": "stripe"}


def _load(monkeypatch: pytest.MonkeyPatch, *parts: dict[str, str]) -> Settings:
    for name in (*SANDBOX, *STRIPE, *CHOSEN, "STRIPE_API_BASE"):
        monkeypatch.delenv(name, raising=False)
    for part in (ALWAYS, *parts):
        for name, value in part.items():
            monkeypatch.setenv(name, value)
    return load_settings(Settings)


def test_stripe_alone_needs_no_sandbox(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _load(monkeypatch, STRIPE, CHOSEN)
    assert (settings.has_stripe, settings.has_sandbox) == (True, False)
    secrets = [secret.get_secret_value() for secret in settings.stripe_webhook_secrets]
    assert secrets == ["whsec_s3cretNew", "whsec_s3cretOld"]


def test_the_sandbox_alone_needs_no_stripe_and_empty_variables_are_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    empty = {"STRIPE_API_KEY": "", "STRIPE_WEBHOOK_SECRETS": "", "STRIPE_API_BASE": ""}
    settings = _load(monkeypatch, SANDBOX, empty)
    assert (settings.payment_provider, settings.has_stripe) == ("sandbox", False)
    assert settings.stripe_api_base == "https://api.stripe.com"


def test_both_may_be_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _load(monkeypatch, SANDBOX, STRIPE, CHOSEN)
    assert (settings.has_stripe, settings.has_sandbox) == (True, True)


def test_no_secret_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = _load(monkeypatch, STRIPE, CHOSEN)
    assert "s3cret" not in f"{settings!r}{settings}{settings.model_dump()}{settings.model_dump_json()}"


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (CHOSEN,),
        (SANDBOX, CHOSEN),
        (STRIPE,),
        (SANDBOX | {"SANDBOX_API_KEY": ""},),
        (SANDBOX, {"STRIPE_API_KEY": "sk_test_s3cret"}),
        (SANDBOX, {"STRIPE_WEBHOOK_SECRETS": "whsec_s3cret"}),
        (STRIPE, CHOSEN, {"STRIPE_API_KEY": "pk_live_s3cret"}),
        (STRIPE, CHOSEN, {"STRIPE_API_KEY": "sk_live_s3cret\n"}),
        (STRIPE, CHOSEN, {"STRIPE_WEBHOOK_SECRETS": "s3cret"}),
        (STRIPE, CHOSEN, {"STRIPE_WEBHOOK_SECRETS": "whsec_s3cret,"}),
        (STRIPE, CHOSEN, {"STRIPE_WEBHOOK_SECRETS": "whsec_s3cret1,whsec_s3cret2,whsec_s3cret3"}),
        (STRIPE, CHOSEN, {"STRIPE_API_BASE": "http://stripe.example"}),
        (STRIPE, CHOSEN, {"STRIPE_API_BASE": "s3cret"}),
        (STRIPE, {"PAYMENT_PROVIDER": "acme"}),
    ],
)
def test_what_does_not_fit_together_is_told_without_values(
    monkeypatch: pytest.MonkeyPatch, parts: tuple[dict[str, str], ...]
) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        _load(monkeypatch, *parts)
    assert "s3cret" not in str(caught.value)
