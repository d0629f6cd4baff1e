"""Metrics for monitoring, in the text format of Prometheus.

Source: "Exposition formats", text format version 0.0.4, of the Prometheus documentation.
"""

import shutil
from collections.abc import Iterator, Mapping

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from sakuga import __version__
from sakuga.web.state import State, StudioState
from sakuga.web.storage import used_bytes

router = APIRouter(tags=["studio"])
FORMAT = "text/plain; version=0.0.4; charset=utf-8"
STATES = ("queued", "running", "done", "failed", "cancelled")


@router.get("/metrics", response_class=PlainTextResponse, include_in_schema=False)
def read_metrics(state: State) -> PlainTextResponse:
    """Return counts of jobs, the work of each device, and the use of the disk."""
    return PlainTextResponse("\n".join(metrics(state)) + "\n", media_type=FORMAT)


def metrics(state: StudioState) -> Iterator[str]:
    """Yield the lines of the metrics."""
    with state.database.read() as connection:
        jobs = dict(connection.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall())
        busy = {row[0] for row in connection.execute("SELECT DISTINCT lane FROM jobs WHERE state = 'running'")}
        frames = connection.execute("SELECT coalesce(sum(json_extract(progress, '$.done')), 0) FROM jobs").fetchone()[0]
    yield from _metric("sakuga_info", "The version of the server.", {f'version="{__version__}"': 1})
    counted = {f'state="{name}"': jobs.get(name, 0) for name in dict.fromkeys((*STATES, *jobs))}
    yield from _metric("sakuga_jobs", "Jobs of the queue by state.", counted)
    yield from _metric("sakuga_lane_busy", "Whether a device runs a job.", {f'lane="{lane}"': int(lane in busy) for lane in state.lanes})
    yield from _metric("sakuga_job_steps", "Frames and steps that the jobs of the queue have done.", {"": frames})
    yield from _metric("sakuga_used_bytes", "Bytes of frames, clips and uploads.", {"": used_bytes(state.data)})
    yield from _metric("sakuga_quota_bytes", "Bytes that they may take.", {"": state.quota})
    yield from _metric("sakuga_free_bytes", "Free bytes of the disk.", {"": shutil.disk_usage(state.data.home).free})


def _metric(name: str, help: str, values: Mapping[str, float]) -> Iterator[str]:
    yield f"# HELP {name} {help}"
    yield f"# TYPE {name} gauge"
    yield from (f"{name}{{{labels}}} {value}" if labels else f"{name} {value}" for labels, value in values.items())
