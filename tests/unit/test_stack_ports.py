"""Ports that are handed out before anybody listens on them."""

import random
import socket

import pytest

from stack.ports import LOOPBACK, Ports, is_free


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


def test_shares_have_nothing_in_common() -> None:
    given = []
    for number in range(4):
        ports = Ports()
        ports.keep_to_share(number, 4)
        given.append({ports.free() for _ in range(50)})
    assert len(set.union(*given)) == 200
