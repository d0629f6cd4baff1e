"""Plan a film in a running studio, choose the best take of each shot, and download the clip.

sakuga studio &
python examples/studio_client.py "a castle at sunset" clip.gif
"""

import sys

from sakuga.client import Studio


def main(idea: str, out: str, address: str = "http://127.0.0.1:8765") -> None:
    with Studio(address) as studio:
        project = studio.plan(idea, shots=2, seconds=2.0)
        for shot in project.shots:
            studio.wait(studio.generate_takes(shot.id, count=3).id)
            studio.approve(studio.takes(shot.id)[0].id)  # the best one comes first
        for job in studio.watch(studio.render(project.id).id):
            print(f"{job.state}: {job.progress.stage} {job.progress.done}/{job.progress.total}")
        if job.state != "done":
            sys.exit(job.error)
        print(f"wrote {studio.download(job.id, out)}")


if __name__ == "__main__":
    main(*sys.argv[1:])
