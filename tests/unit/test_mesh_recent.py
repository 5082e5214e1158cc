"""What was used last is kept, and no more than was said."""

from hypothesis import given
from hypothesis import strategies as st

from mesh.recent import Recent


def test_what_was_not_used_for_longest_makes_place() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.get("a") == 1
    recent.put("c", 3)
    assert (recent.get("a"), recent.get("b"), recent.get("c")) == (1, None, 3)


def test_a_value_that_is_put_again_is_the_newest() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    recent.put("b", 2)
    assert recent.put("a", 4) == 4
    recent.put("c", 3)
    assert (recent.get("a"), recent.get("b")) == (4, None)


def test_what_is_to_be_forgotten_is() -> None:
    recent: Recent[str, int] = Recent(2)
    recent.put("a", 1)
    recent.forget("a")
    recent.forget("never there")
    assert recent.get("a") is None
    assert len(recent) == 0


@given(st.lists(st.tuples(st.sampled_from("pg"), st.integers(0, 9)), max_size=60), st.integers(1, 5))
def test_it_keeps_the_last_used_whatever_is_done(steps: list[tuple[str, int]], most: int) -> None:
    recent: Recent[int, int] = Recent(most)
    used: list[int] = []
    for step, key in steps:
        if step == "p":
            recent.put(key, key)
        elif recent.get(key) is None:
            continue
        used = [*(each for each in used if each != key), key][-most:]
    assert [key for key in range(10) if recent.get(key) is not None] == sorted(used)
