"""Addresses of Redis: one server, or several of a cluster."""

import pytest

from mesh.redis import is_cluster, node_urls


def test_a_cluster_is_told_by_its_scheme() -> None:
    assert is_cluster("redis+cluster://one:7000,two:7001")
    assert not is_cluster("redis://one:7000/0")


@pytest.mark.parametrize(
    ("url", "urls"),
    [
        ("redis+cluster://one:1,two:2", ["redis://one:1", "redis://two:2"]),
        ("rediss+cluster://u:p%40@one:1, [::1]:2/", ["rediss://u:p%40@one:1", "rediss://u:p%40@[::1]:2"]),
    ],
)
def test_every_server_gets_the_scheme_and_the_credentials(url: str, urls: list[str]) -> None:
    assert node_urls(url) == urls


@pytest.mark.parametrize("url", ["redis+cluster://one", "redis+cluster://", "redis+cluster://u:secret@one:x"])
def test_a_server_without_a_port_is_refused_without_telling_the_password(url: str) -> None:
    with pytest.raises(ValueError, match="host:port") as refused:
        node_urls(url)
    assert "secret" not in str(refused.value)
