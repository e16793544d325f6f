"""`python -m tests.load.chaos`: kill everything at random while jobs run; nothing may be lost."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from tests.load.chaos_audit import audit_followed, audit_job
from tests.load.chaos_evidence import Evidence, gather
from tests.load.chaos_plan import ENGINES, make_plan
from tests.load.chaos_remains import audit_curves, audit_remains
from tests.load.chaos_report import PAGES, Figures, figures, write_page
from tests.load.chaos_run import Ran, run
from tests.support.deployment import Deployment, prepare, running_deployment
from tests.support.imagedeployment import running_on_images

from labdock_service.statefolder import StateFolder

TRAINING = 4
"""Jobs that import TensorFlow, which takes longer than most jobs take in all."""

Starts = Callable[[StateFolder, Path], AbstractContextManager[Deployment]]
STARTED: dict[str, Starts] = {"process": running_deployment, "docker": running_on_images}


def main() -> int:
    """Run, say what is broken, and write the page; the exit code is 1 where anything is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.randrange(10_000))
    parser.add_argument("--engine", choices=ENGINES, default="process", help="what runs the jobs")
    parser.add_argument("--page", type=Path, help="Where the figures are written.")
    options = parser.parse_args()
    print(f"chaos: {options.jobs} jobs, seed {options.seed}", flush=True)
    plan = make_plan(options.seed, options.jobs, training=TRAINING, engine=options.engine)
    with (
        tempfile.TemporaryDirectory(prefix="labdock-chaos-") as name,
        STARTED[options.engine](prepare(options.engine), Path(name)) as deployment,
    ):
        found = judge(run(plan, deployment, Path(name)), deployment)
        if found.broken:
            print(deployment.logs())
    page = options.page or PAGES[options.engine]
    write_page(found, page, options.engine)
    print(page.read_text())
    print("\n".join(found.broken))
    return 1 if found.broken else 0


def judge(ran: Ran, deployment: Deployment) -> Figures:
    """Look at everything; what runs is put to rest on the way."""
    client, desk = ran.desk.client, ran.desk
    evidence = [
        gather(client, task, desk.jobs[task.name].id)
        for task in desk.tasks
        if task.name in desk.jobs
    ]
    broken = [*_broken(ran, evidence), *audit_curves(client, desk)]
    broken += audit_remains(deployment, ran.striker)
    return figures(ran, evidence, broken)


def _broken(ran: Ran, evidence: list[Evidence]) -> Iterator[str]:
    desk = ran.desk
    yield from desk.refused
    yield from (f"{t.name} was never taken" for t in desk.tasks if t.name not in desk.jobs)
    by_id = {found.job.id: found for found in evidence}
    for found in evidence:
        for sentence in audit_job(found, ran.striker.journal):
            yield f"{found.task.name} ({found.job.id}): {sentence}"
    trained = {f.value for f in evidence if f.task.script == "fit.py" and f.job.workers == 1}
    if len(trained - {None}) > 1:
        yield f"the same training came to different ends: {trained}"
    for followed in desk.followed:
        for sentence in audit_followed(followed, by_id[followed.job]):
            yield f"{by_id[followed.job].task.name}: {sentence}"


if __name__ == "__main__":
    sys.exit(main())
