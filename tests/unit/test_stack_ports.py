"""Ports that are handed out before anybody listens on them."""

import random
import socket

import pytest

from stack.errors import StackError
from stack.ports import LOOPBACK, Ports, is_free, wanted


def test_no_port_is_given_twice_before_it_is_used() -> None:
    ports = Ports()
    ports.keep_to_share(0, 24)  # 500 ports: by chance alone a hundred would meet
    given = [ports.free() for _ in range(100)]
    assert len(set(given)) == 100


def test_a_port_that_somebody_listens_on_is_not_given() -> None:
    two_of_all = random.randrange(6_000)  # anywhere: the first ones may be somebody's
    ports = Ports()
    ports.keep_to_share(two_of_all, 6_000)
    first, second = sorted([ports.free(), ports.free()])
    ports = Ports()
    ports.keep_to_share(two_of_all, 6_000)
    with socket.socket() as listening:
        listening.bind((LOOPBACK, first))
        listening.listen()
        assert not is_free(first)
        assert ports.free() == second
        with pytest.raises(OSError, match="no free port"):
            ports.free()


def test_a_port_of_before_is_given_to_nobody_else() -> None:
    three_of_all = random.randrange(4_000)
    ports = Ports()
    ports.keep_to_share(three_of_all, 4_000)
    before = Ports()
    before.keep_to_share(three_of_all, 4_000)
    kept = before.free()
    assert ports.again(kept) == kept
    assert kept not in {ports.free(), ports.free()}


def test_ports_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATINEE_PORTS", "22000-22199")
    ports = Ports()
    assert {ports.free() for _ in range(20)} <= set(range(22_000, 22_200))
    assert wanted({}) == wanted({"MATINEE_PORTS": ""})


@pytest.mark.parametrize(
    "text", ["22000", "22000-", "-22000", "22000-22050", "80-1000", "65000-66000", "a-b", "²-³"]
)
def test_what_is_no_range_of_ports_is_refused(text: str) -> None:
    with pytest.raises(StackError, match="MATINEE_PORTS must be"):
        wanted({"MATINEE_PORTS": text})


def test_shares_have_nothing_in_common() -> None:
    given = []
    for number in range(4):
        ports = Ports()
        ports.keep_to_share(number, 4)
        given.append({ports.free() for _ in range(50)})
    assert len(set.union(*given)) == 200
