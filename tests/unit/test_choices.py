"""What people may choose for their server, and what is said of a choice that cannot be met."""

from __future__ import annotations

import html
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from labdock_service.engines.pulling import Pull
from labdock_service.engines.toolkit import NO_TOOLKIT
from labdock_service.errors import Conflict, Invalid, ServiceError
from labdock_service.packaging.environments import PinnedEnvironment
from labdock_service.people.choices import Offer
from labdock_service.people.gpulease import Gpus
from labdock_service.people.startpage import render_form


def environment(name: str, **more: Any) -> PinnedEnvironment:
    said: dict[str, Any] = {
        "title": name.capitalize(),
        "digest": f"sha256:{name}",
        "notebook": f"registry/{name}@sha256:1",
        "training": f"registry/{name}-training@sha256:1",
        "version": "3.11.2",
        "python": Path(sys.executable),
        "site_packages": Path("none"),
        "foundation": f"sha256:{name}",
        "packages": {"tensorflow-cpu": "2.21.0", "numpy": "2.3.1"},
    }
    return PinnedEnvironment(name=name, **(said | more))


def offer(**more: Any) -> Offer:
    said: dict[str, Any] = {
        "environments": [environment("small", default=True), environment("cuda", gpu=True)],
        "default_environment": "",
        "default_cpus": 2.0,
        "default_memory": 4_000_000_000,
        "cpus": 8.0,
        "memory": 32_000_000_000,
    }
    return Offer(**(said | more))


def test_one_click_takes_the_defaults() -> None:
    choice = offer().settle({})
    assert (choice.environment.name, choice.cpus, choice.memory, choice.gpus) == (
        "small",
        2.0,
        4_000_000_000,
        0,
    )


def test_the_defaults_fit_a_small_machine() -> None:
    choice = offer(cpus=1.0, memory=2_000_000_000).settle({})
    assert (choice.cpus, choice.memory) == (1.0, 2_000_000_000)


def test_the_settings_name_the_default() -> None:
    some = [environment("small", default=True), environment("large")]
    assert offer(environments=some, default_environment="large").default.environment.name == "large"


@pytest.mark.parametrize("memory", ["8GB", "8000000000", 8_000_000_000])
def test_memory_is_written_as_people_write_it(memory: object) -> None:
    assert offer().settle({"memory": memory}).memory == 8_000_000_000


def test_sizes_to_choose_from() -> None:
    assert offer().cpu_choices() == [1, 2, 4, 8]
    assert offer(cpus=6.0, default_cpus=3.0).cpu_choices() == [1, 2, 3, 4, 6]
    assert offer().memory_choices() == [gb * 10**9 for gb in (1, 2, 4, 8, 16, 32)]


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"cpus": "0"}, "cpus"),
        ({"cpus": "nan"}, "cpus"),
        ({"cpus": "9"}, "cpus"),
        ({"cpus": ["2"]}, "cpus"),
        ({"memory": "1"}, "memory"),
        ({"memory": "64GB"}, "memory"),
        ({"memory": {"a": 1}}, "memory"),
        ({"gpus": "-1"}, "gpus"),
        ({"gpus": "1"}, "gpus"),
        ({"environment": "none"}, "environment"),
        ({"command": "sh"}, None),
    ],
)
def test_what_cannot_be(options: dict[str, object], field: str | None) -> None:
    with pytest.raises(Invalid) as refused:
        offer().settle(options)
    assert refused.value.field == field and str(refused.value).endswith((".", "small"))


def test_without_an_environment() -> None:
    with pytest.raises(Invalid, match="`make up` makes it"):
        offer(environments=[]).settle({})


def test_an_image_on_its_way() -> None:
    pulls = {"registry/small@sha256:1": Pull(43)}
    some = [environment("small", default=True), environment("large")]
    with pytest.raises(Conflict) as refused:
        offer(environments=some, pulls=pulls).settle({})
    assert str(refused.value) == (
        "Small is being fetched, and 43 % are here. What can be started now: Large."
    )


def test_a_machine_without_gpus() -> None:
    with pytest.raises(Invalid, match="This machine offers no GPU"):
        offer().settle({"gpus": "1"})
    with pytest.raises(Conflict) as refused:
        offer().settle({"environment": "cuda"})
    assert str(refused.value) == (
        "Cuda needs a GPU, and this machine offers none. What can be started now: Small."
    )
    assert "needs a GPU, and this machine offers none." in render_form(offer())


def test_gpus_that_cannot_be_given_to_a_container() -> None:
    none = offer(gpus=Gpus(problem=NO_TOOLKIT))
    for options in ({"gpus": "1"}, {"environment": "cuda"}):
        with pytest.raises(ServiceError) as refused:
            none.settle(options)
        assert NO_TOOLKIT in str(refused.value)
    page = html.unescape(render_form(none))
    assert f"this machine can give it none. {NO_TOOLKIT}" in page
    assert f"No GPU can be chosen. {NO_TOOLKIT}" in page and "GPUs (" not in page
    assert none.settle({}).gpus == 0


def test_gpus_that_are_taken() -> None:
    taken = Gpus(total=2, free=0, next_free=datetime(2026, 1, 1, 14, 20, tzinfo=UTC))
    wishes = {
        "small": " Without one a server starts at once.",
        "cuda": " What can be started without one: Small.",
    }
    for name, instead in wishes.items():
        with pytest.raises(Conflict) as refused:
            offer(gpus=taken).settle({"environment": name, "gpus": "1"})
        assert str(refused.value) == (
            f"1 GPU asked for and 0 free now. The next is expected at 14:20 UTC.{instead}"
        )
    page = render_form(offer(gpus=taken))
    assert "0 of 2 free now" in page and "the next is expected at 14:20 UTC" in page


def test_fewer_gpus_than_wanted_are_offered() -> None:
    with pytest.raises(Conflict) as refused:
        offer(gpus=Gpus(total=2, free=1)).settle({"environment": "cuda", "gpus": "2"})
    assert str(refused.value) == (
        "2 GPUs asked for and 1 free now. With 1 GPU a server starts at once."
    )


@pytest.mark.parametrize(("name", "said", "given"), [("cuda", "", 1), ("small", "", 0)])
def test_an_environment_gets_what_it_needs(name: str, said: str, given: int) -> None:
    two = offer(gpus=Gpus(total=2, free=1))
    assert two.settle({"environment": name, "gpus": said}).gpus == given
    assert two.settle({"environment": name, "gpus": "1"}).gpus == 1
    assert 'value="">as the environment needs' in render_form(two)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cpus": "16"}, "Choose more than 0 and at most 8 CPUs."),
        ({"memory": "64GB"}, "Choose 0.512 to 32.0 GB of memory."),
        ({"gpus": "3"}, "This machine offers 2 GPUs."),
    ],
)
def test_more_than_there_is_says_what_there_is(options: dict[str, str], said: str) -> None:
    with pytest.raises(Invalid) as refused:
        offer(gpus=Gpus(total=2, free=2)).settle(options)
    assert str(refused.value) == said


def test_an_environment_that_failed_here_is_shown_with_the_reason() -> None:
    why = "It failed its verification on box on 2026-11-23: imports: there is no numpy."
    some = [environment("small", default=True), environment("large")]
    failed = offer(environments=some, unavailable={"sha256:small": why})
    with pytest.raises(Conflict) as refused:
        failed.settle({})
    assert str(refused.value) == f"Small cannot be chosen. {why} What can be started now: Large."
    assert failed.settle({"environment": "large"}).environment.name == "large"
    small, large = render_form(failed).partition("</style>")[2].split("</label>")[:2]
    assert why in small and "disabled" in small and "checked" not in small
    assert "checked" in large, "one click starts what can be started"


def test_what_was_not_verified_yet_can_be_chosen_and_is_said() -> None:
    fresh = offer(unverified=["sha256:small"])
    assert "Not verified on this machine yet; you can start it" in render_form(fresh)
    assert "Not verified" not in render_form(offer())
    assert fresh.settle({}).environment.name == "small"


def test_the_page_says_what_is_in_each_and_escapes_it() -> None:
    some = [environment("small", default=True, title="<b>Small</b>")]
    page = render_form(offer(environments=some))
    assert "Python 3.11.2, TensorFlow 2.21.0" in page and "numpy 2.3.1" in page
    assert "&lt;b&gt;Small" in page and "<b>Small" not in page
