"""What people may choose for their server, and what is said of a choice that cannot be met."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from labdock_service.choices import Offer
from labdock_service.engines.pulling import Pull
from labdock_service.errors import Conflict, Invalid
from labdock_service.gpulease import Gpus
from labdock_service.packaging.environments import PinnedEnvironment
from labdock_service.startpage import render_form


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
        offer().settle({"environment": "cuda"})
    assert "needs a GPU, and this machine offers none." in render_form(offer())


def test_gpus_that_are_taken() -> None:
    taken = Gpus(total=2, free=0, next_free=datetime(2026, 1, 1, 14, 20, tzinfo=UTC))
    with pytest.raises(Conflict) as refused:
        offer(gpus=taken).settle({"environment": "cuda"})
    assert str(refused.value) == (
        "1 GPU asked for and 0 free now. The next is expected at 14:20 UTC. "
        "Without one a server starts at once."
    )
    page = render_form(offer(gpus=taken))
    assert "0 of 2 free now" in page and "the next is expected at 14:20 UTC" in page


def test_a_gpu_that_is_free() -> None:
    assert offer(gpus=Gpus(total=2, free=1)).settle({"environment": "cuda"}).gpus == 1


def test_the_page_says_what_is_in_each_and_escapes_it() -> None:
    some = [environment("small", default=True, title="<b>Small</b>")]
    page = render_form(offer(environments=some))
    assert "Python 3.11.2, TensorFlow 2.21.0" in page and "numpy 2.3.1" in page
    assert "&lt;b&gt;Small" in page and "<b>Small" not in page
