"""Where a visitor comes from: forwarded addresses are believed only from our own proxies."""

import ipaddress

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from bff.addresses import VisitorAddresses

OURS = [ipaddress.ip_network("10.0.0.0/8")]


def address(remote: str, forwarded: str | None) -> str:
    headers = CIMultiDict({} if forwarded is None else {"X-Forwarded-For": forwarded})
    request = make_mocked_request("GET", "/", headers=headers).clone(remote=remote)
    return str(VisitorAddresses(OURS).of(request))


@pytest.mark.parametrize(
    ("remote", "forwarded", "visitor"),
    [
        ("8.8.8.8", None, "8.8.8.8"),
        ("8.8.8.8", "1.1.1.1", "8.8.8.8"),  # not our proxy: its word counts for nothing
        ("10.0.0.1", "1.1.1.1", "1.1.1.1"),
        ("10.0.0.1", "6.6.6.6, 1.1.1.1", "1.1.1.1"),  # what the visitor wrote itself stands at the left
        ("10.0.0.1", "6.6.6.6, 1.1.1.1, 10.0.0.2", "1.1.1.1"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "nonsense", "None"),
        ("::ffff:10.0.0.1", "1.1.1.1, ::ffff:10.0.0.2", "1.1.1.1"),  # as a socket for both kinds writes them
        ("::ffff:8.8.8.8", "1.1.1.1", "8.8.8.8"),
        ("10.0.0.1", "2001:4860:4860::8888", "2001:4860:4860::8888"),
    ],
)
def test_the_first_hop_that_is_not_ours(remote: str, forwarded: str | None, visitor: str) -> None:
    assert address(remote, forwarded) == visitor
