"""A setting that every message would fail by is refused at the start, and no secret is shown."""

import pytest

from mesh.settings import SettingsInvalid, load_settings
from notify_svc.settings import Settings

USUAL = {
    "MESH_TOKEN": "a-mesh-token",
    "MONGO_URL": "mongodb://127.0.0.1:1",
    "AMQP_URL": "amqp://guest:guest@127.0.0.1:1/%2F",
    "PUBLIC_URL": "https://matinee.example/",
    "SMTP_URL": "smtp://127.0.0.1:1",
    "MAIL_FROM": "Kinö <tickets@matinee.example>",
    "UNSUBSCRIBE_SECRET": "an-unsubscribe-secret",
}


def _load(monkeypatch: pytest.MonkeyPatch, **others: str) -> Settings:
    for name in ("SMS_GATEWAY_URL", "SMS_GATEWAY_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (USUAL | others).items():
        monkeypatch.setenv(name, value)
    return load_settings(Settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAIL_FROM", "tickets@kinö.example"),
        ("MAIL_FROM", "tickets"),
        ("MAIL_FROM", "tickets@"),
        ("MAIL_FROM", "@matinee.example"),
        ("MAIL_FROM", "a@matinee.example, b@matinee.example"),
        ("MAIL_FROM", "a@matinee.example\r\nBcc: b@matinee.example"),
        ("PUBLIC_URL", "https://kinö.example"),
        ("PUBLIC_URL", "https://"),
        ("PUBLIC_URL", "https://matinee.example\r\nX: y"),
        ("PUBLIC_URL", "https://a b.example"),
        ("SMS_GATEWAY_URL", "https://"),
        ("SMS_GATEWAY_TOKEN", "s3cret\r\nX: y"),
        ("SMS_GATEWAY_TOKEN", "s3crét"),
        ("AMQP_URL", "amqps://guest:s3cret@127.0.0.1:1/?ssl_options={}"),
        ("AMQP_URL", "amqp://guest:s3cret@127.0.0.1:1/?ssl_options=["),
    ],
)
def test_what_no_message_could_be_sent_with_is_a_wrong_setting(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        _load(monkeypatch, **{name: value})
    assert str(refused.value).startswith(f"{name}: ")
    assert "s3cr" not in str(refused.value)


def test_a_name_before_the_address_may_be_in_any_language(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _load(monkeypatch, MAIL_FROM="tickets@localhost").mail_from == "tickets@localhost"
    settings = _load(monkeypatch, SMS_GATEWAY_TOKEN="a-token", SMS_GATEWAY_URL="http://127.0.0.1:1/texts")
    assert settings.mail_from == USUAL["MAIL_FROM"]
    assert settings.public_url == "https://matinee.example"
