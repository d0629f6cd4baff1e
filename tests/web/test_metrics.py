"""Metrics are readable by Prometheus, and need the token like everything else."""

import re
from pathlib import Path

from starlette.testclient import TestClient

from sakuga import __version__
from sakuga.web import queue
from sakuga.web.app import create_app
from sakuga.web.schemas import DrawJob
from sakuga.web.security import Access

LINE = re.compile(r'(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[a-z]+="[^"]*"\})? -?[0-9.e+]+)')


def test_metrics_count_jobs_devices_and_bytes(tmp_path: Path) -> None:
    app = create_app(tmp_path, lanes=("cpu", "cuda:0"))
    state = app.state.studio
    with state.database.write() as connection:
        for _ in range(3):
            queue.add_job(connection, DrawJob(prompts=["a castle"]))
    queue.claim(state.database, "cuda:0")
    with TestClient(app, base_url="http://localhost") as client:
        answer = client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = answer.text.splitlines()
    assert all(map(LINE.fullmatch, lines)), [line for line in lines if not LINE.fullmatch(line)]
    assert {
        f'sakuga_info{{version="{__version__}"}} 1',
        'sakuga_jobs{state="queued"} 2',
        'sakuga_jobs{state="running"} 1',
        'sakuga_jobs{state="failed"} 0',
        'sakuga_lane_busy{lane="cpu"} 0',
        'sakuga_lane_busy{lane="cuda:0"} 1',
    } <= set(lines)


def test_metrics_need_the_token(tmp_path: Path) -> None:
    with TestClient(create_app(tmp_path, Access(token="secret")), base_url="http://localhost") as client:
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers={"authorization": "Bearer secret"}).status_code == 200
