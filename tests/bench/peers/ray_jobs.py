"""Ray Jobs: for each line on standard input, the seconds from submit to a script's first line.

Run with the peers' interpreter: ray_jobs.py FOLDER SCRIPT
"""

from __future__ import annotations

import asyncio
import sys
import time

import ray
from ray.job_submission import JobSubmissionClient

FIRST_WORDS = "first line"


async def first_line(client: JobSubmissionClient, folder: str, script: str) -> float:
    """Seconds from the call to the script's first line in the log stream."""
    began = time.perf_counter()
    job = client.submit_job(entrypoint=f"python {script}", runtime_env={"working_dir": folder})
    async for lines in client.tail_job_logs(job):
        if FIRST_WORDS in lines:
            return time.perf_counter() - began
    raise SystemExit(f"the job ended without its line: {client.get_job_logs(job)}")


def main() -> None:
    """Start a head, say so, and answer each line of standard input."""
    folder, script = sys.argv[1:]
    ray.init(include_dashboard=True, log_to_driver=False, num_cpus=2)
    client = JobSubmissionClient("http://127.0.0.1:8265")
    print("ready", flush=True)
    for _ in sys.stdin:
        print(asyncio.run(first_line(client, folder, script)), flush=True)


main()
