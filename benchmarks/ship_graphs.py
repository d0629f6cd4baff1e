"""Put the graphs of a data folder into the package, so that a first film converts none.

    SAKUGA_HOME=/tmp/new sakuga animate "a cabin in the snow" --motion none --store /tmp/new/frames -o /tmp/new/still.mp4
    SAKUGA_HOME=/tmp/new sakuga animate "a cabin in the snow" --motion auto --store /tmp/new/frames -o /tmp/new/moving.mp4
    python benchmarks/ship_graphs.py /tmp/new

Run it anew when the built-in model gets other layers, or `GRAPH` in `models/openvino/graphs.py` another number. Graphs in the package that
the data folder does not have are deleted.
"""

import argparse
import json
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from sakuga.models.openvino.graphs import BIN, CHECK, SHIPPED, XML


def ship(folder: Path) -> Path:
    """Write one kept graph into the package, the same bytes each time."""
    path = SHIPPED / f"{json.loads((folder / CHECK).read_text())['name']}.zip"
    with ZipFile(path, "w", ZIP_DEFLATED, compresslevel=9) as both:
        for name in (XML, BIN):
            both.writestr(ZipInfo(name), (folder / name).read_bytes(), ZIP_DEFLATED, 9)
    return path


def main() -> None:
    """Ship all graphs and tell their sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path, help="a data folder, as $SAKUGA_HOME")
    kept = [check.parent for check in parser.parse_args().home.glob(f"openvino/*/{CHECK}")]
    SHIPPED.mkdir(exist_ok=True)
    shipped = set(map(ship, kept))
    for path in sorted(SHIPPED.glob("*.zip")):
        if path not in shipped:
            path.unlink()
    print(json.dumps({path.name: path.stat().st_size for path in sorted(shipped)}))


if __name__ == "__main__":
    main()
