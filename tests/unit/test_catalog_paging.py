"""Pages and their tokens."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog_svc.domain.paging import PageRequest, PageTokens, page_of
from catalog_svc.errors import InvalidPageToken
from mesh.errors import InvalidField

TOKENS = PageTokens(b"a key")


def _key(item: tuple[int, str]) -> tuple[str | int, ...]:
    return -item[0], item[1]


_ITEMS = st.sets(st.tuples(st.integers(0, 3), st.text(max_size=3)), max_size=40)


@given(items=_ITEMS, size=st.integers(1, 7))
def test_walking_the_pages_gives_every_item_once_in_order(items: set[tuple[int, str]], size: int) -> None:
    ordered = sorted(items, key=_key)
    walked: list[tuple[int, str]] = []
    token = ""
    while True:
        page = page_of(ordered, _key, size, token, "query", TOKENS)
        assert page.total_size == len(ordered)
        walked += page.items
        token = page.next_page_token
        if not token:
            break
        assert len(page.items) == size
    assert walked == ordered


def test_items_that_come_and_go_make_no_page_repeat_or_skip_others() -> None:
    ordered = [(0, letter) for letter in "bdfhj"]
    first = page_of(ordered, _key, 2, "", "query", TOKENS)
    changed = [(0, letter) for letter in "acfghj"]
    second = page_of(changed, _key, 10, first.next_page_token, "query", TOKENS)
    assert [letter for _, letter in second.items] == ["f", "g", "h", "j"]


def _tampered(token: str) -> str:
    sealed = bytearray(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    sealed[-2] ^= 1
    return base64.urlsafe_b64encode(bytes(sealed)).decode().rstrip("=")


@pytest.mark.parametrize(
    "forge",
    [
        _tampered,
        lambda token: token[:-4],
        lambda token: token + "AAAA",
        lambda _: "x",
        lambda _: "ÄÖÜ",
        lambda _: "A" * 10_000,
        lambda _: "not a token at all!",
        lambda _: PageTokens(b"another key").seal("query", (1, "a")),
        lambda _: TOKENS.seal("another query", (1, "a")),
    ],
)
def test_a_token_that_was_not_made_for_the_query_is_refused(forge: object) -> None:
    assert callable(forge)
    token = TOKENS.seal("query", (1, "a"))
    assert TOKENS.open("query", token) == (1, "a")
    with pytest.raises(InvalidPageToken):
        TOKENS.open("query", forge(token))


def test_processes_with_one_key_open_each_others_tokens() -> None:
    assert PageTokens(b"a key").open("query", TOKENS.seal("query", ("é", 7))) == ("é", 7)


def test_page_sizes_have_a_default_a_most_and_no_less_than_nothing() -> None:
    assert PageRequest(0, "").size_within(20, 100) == 20
    assert PageRequest(7, "").size_within(20, 100) == 7
    assert PageRequest(1_000_000, "").size_within(20, 100) == 100
    with pytest.raises(InvalidField, match="page_size"):
        PageRequest(-1, "").size_within(20, 100)
