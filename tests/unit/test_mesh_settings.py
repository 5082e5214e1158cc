"""A wrong environment is told whole, and without its values."""

import pytest

from mesh.settings import ServiceSettings, SettingsInvalid, load_settings


def test_every_problem_is_told_at_once_and_no_value_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MESH_TOKEN", raising=False)
    monkeypatch.setenv("LISTEN", "s3cret-without-port")
    monkeypatch.setenv("LOG_LEVEL", "LOUD-s3cret")
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(ServiceSettings)
    told = str(caught.value)
    assert {line.partition(":")[0] for line in told.splitlines()} == {"MESH_TOKEN", "LISTEN", "LOG_LEVEL"}
    assert "s3cret" not in told


def test_a_secret_does_not_show_in_the_settings_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MESH_TOKEN", "hunter2-hunter2")
    settings = load_settings(ServiceSettings)
    assert "hunter2" not in repr(settings)
    assert settings.mesh_token.get_secret_value() == "hunter2-hunter2"


@pytest.mark.parametrize("address", ["localhost", ":50051", "host:", "host:99999", "host:-1"])
def test_an_address_needs_a_host_and_a_port(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("MESH_TOKEN", "x")
    monkeypatch.setenv("LISTEN", address)
    with pytest.raises(SettingsInvalid, match="LISTEN"):
        load_settings(ServiceSettings)
