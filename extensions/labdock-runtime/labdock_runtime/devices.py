"""Settings of devices that a person's code makes after the job has made its own."""

from __future__ import annotations

import functools
from typing import Any

from labdock_runtime.run import Run


def let_settings_pass(run: Run, tf: Any) -> None:
    """Let them be made again without an error; what they would change is told."""
    config, threads = tf.config, tf.config.threading
    for module, setter, getter in (
        (config, "set_logical_device_configuration", config.get_logical_device_configuration),
        (config, "set_visible_devices", config.get_visible_devices),
        (config.experimental, "set_memory_growth", config.experimental.get_memory_growth),
        (threads, "set_inter_op_parallelism_threads", threads.get_inter_op_parallelism_threads),
        (threads, "set_intra_op_parallelism_threads", threads.get_intra_op_parallelism_threads),
    ):
        setattr(module, setter, _unless_late(run, getattr(module, setter), getter))


def _unless_late(run: Run, setter: Any, getter: Any) -> Any:
    @functools.wraps(setter)
    def change(*arguments: Any, **options: Any) -> None:
        try:
            setter(*arguments, **options)
        except RuntimeError:
            given = [*arguments, *options.values()]
            if run.job.chief and not _in_force(getter, given):
                run.events.warn(
                    f"{setter.__name__} was passed over: a job's devices and threads are set when "
                    "TensorFlow is imported, by what the job was given."
                )

    return change


def _in_force(getter: Any, given: list[Any]) -> bool:
    if getter.__name__ == "get_visible_devices":
        wanted = given[0] if isinstance(given[0], list | tuple) else [given[0]]
        return list(getter(*given[1:])) == list(wanted)
    found = getter(*given[:-1])
    if isinstance(found, list):
        return [vars(x) for x in found] == [vars(x) for x in given[-1] or []]
    return bool(found == given[-1])
