"""A folder of numbered images, written by several processes at once."""

import subprocess
import sys
from pathlib import Path

ADD = """
import sys
import numpy as np
from fractions import Fraction
from pathlib import Path
from sakuga.export import ImageFolder
from sakuga.timeline.clip import Clip, Frame
from sakuga.timeline.spec import Given

folder = ImageFolder(Path(sys.argv[1]))
print("listed", flush=True)
sys.stdin.readline()
for shade in range(int(sys.argv[2]), int(sys.argv[2]) + 20):
    frame = Frame(image=np.full((4, 4, 3), shade, np.uint8), spec=Given(image=str(shade)))
    folder.add(Clip(frames=(frame,), rate=Fraction(1)))
"""


def test_two_processes_that_add_to_one_folder_lose_no_image(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    command = [sys.executable, "-c", ADD, str(folder)]
    adding = [subprocess.Popen([*command, str(first)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for first in (0, 100)]
    for process in adding:
        assert process.stdout
        assert process.stdout.readline() == "listed\n"
    for process in adding:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in adding:
        process.communicate(timeout=60)
    assert [process.returncode for process in adding] == [0, 0]
    assert sorted(path.name for path in folder.iterdir()) == [f"{number:04}.png" for number in range(1, 41)]
    assert len({path.read_bytes() for path in folder.iterdir()}) == 40
