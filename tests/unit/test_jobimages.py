"""Which images of jobs leave the registry."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from labdock_service.jobimages import expired

IMAGES = st.sampled_from("abcdefgh")
TIMES = st.floats(0, 1e9)
LOOKS = st.lists(st.tuples(st.sets(IMAGES), st.sets(IMAGES), st.floats(0, 100)), max_size=20)


@given(st.sets(IMAGES), st.sets(IMAGES), st.dictionaries(IMAGES, TIMES), TIMES, TIMES)
def test_what_is_named_never_goes(
    there: set[str], named: set[str], since: dict[str, float], now: float, kept: float
) -> None:
    gone, left = expired(there, named, since, now, kept)
    assert not gone & named
    assert gone | left.keys() == there - named
    assert not gone & left.keys()


@given(LOOKS, st.floats(1, 200))
def test_an_image_goes_only_after_it_was_unnamed_for_long_at_every_look(
    looks: list[tuple[set[str], set[str], float]], kept: float
) -> None:
    since: dict[str, float] = {}
    unnamed: dict[str, float] = {}
    now = 1e6
    for there, named, passed in looks:
        now += passed
        unnamed = {image: unnamed.get(image, now) for image in there - named}
        gone, since = expired(there, named, since, now, kept)
        assert gone == {image for image, at in unnamed.items() if now - at >= kept}
        unnamed = {image: at for image, at in unnamed.items() if image not in gone}


def test_a_time_that_lies_ahead_counts_as_now() -> None:
    gone, since = expired({"a"}, set(), {"a": 50.0}, 10.0, 5.0)
    assert not gone
    assert since == {"a": 10.0}
