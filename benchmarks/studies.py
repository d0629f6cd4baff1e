"""Lay finished studies into docs/studies: their reports, their figures, and a page that says of each what was found.

    for name in methods curation prompting styles interpolation ablation; do sakuga study $name; done
    python benchmarks/studies.py studies docs/studies

A study that is not finished is passed over, and what was there of it before stays.
"""

import argparse
import json
import shutil
from pathlib import Path

ORDER = ("methods", "curation", "prompting", "styles", "interpolation", "ablation")
KEPT = ("report.html", "metrics.json")
HEAD = """# What the studies found

Studies on the Sketchbook ([how to run them](../studies.md)), each with its report and its figures beside this page. Adapters of rank 8 are
taught in 200 steps of 8 pictures, a look from 48 of them (half portraits) unless said; the same held-out prompts and noise in every
column, 12 steps of drawing. A number in brackets is a 95% interval over prompts; what it does not settle is said to be unsettled. But for
`curation`, one training stands for each place of a table, so another seed of training may differ by more than the interval says. The judge
is the Sketchbook's own label classifier, which learnt from true renders. The sentences with their figures are written by the studies, those
on what is seen by a person.
"""
SEEN = {
    "ablation": (
        "Best and middle have the paper's edge and the washes, and a sunset goes pale; the worst is the base's. A face in snow has the "
        "washes too, and is read as none by the judge. Faces keep their features in all of them; blue hair can go white."
    ),
    "methods": (
        "LoRA and DreamBooth draw something round and striped in blue and cream that floats: a balloon at a glance, seldom with its "
        "basket. The learnt word draws the base's heap of patches. Worn where nobody asked for a balloon, both give a dragon its stripes; "
        "faces keep their own."
    ),
    "curation": (
        "All sets bring paper and washes to faces as to land. What portraits in a set teach here is less the look than the people: after "
        "the unbalanced set, many steps or few, a red dress turns navy and a red coat grey; after the balanced ones they stay red."
    ),
    "interpolation": (
        "Both ways are smooth, with no double pictures. Half way both looks are faint: the paper's edge is gone, the ink is hardly there. "
        "At a quarter the exact blend keeps more of the edge. The comic was little learnt in 200 steps: contours, and few dots."
    ),
    "styles": (
        "Watercolor and comic are named at once; cel brings the same dark contours more quietly, luminous deeper colours, and pixel "
        "hardly differs from the base: 1,600 samples are too few for it. Nothing falls apart."
    ),
    "prompting": (
        "Words alone draw a mosaic of crumbs in the colours of watercolor, in which faces can be told and little else; the classifier is "
        "sure of it all the same, so its 1.00 is no praise. The adapter alone keeps house and faces where they were and gives them the "
        "paper's edge and pale washes. The words on top of it make it gaudy."
    ),
}
"""What a person saw in the pictures of the reports."""


def main() -> None:
    """Copy what is finished, and write the page anew."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    asked.add_argument("studies", type=Path, help="where `sakuga study` wrote its folders")
    asked.add_argument("docs", type=Path, help="where reports and page go")
    given = asked.parse_args()
    for name in ORDER:
        made = given.studies / name
        if all((made / kept).is_file() for kept in KEPT):
            (given.docs / name).mkdir(parents=True, exist_ok=True)
            for kept in (*KEPT, "config.json"):
                shutil.copyfile(made / kept, given.docs / name / kept)
    there = [name for name in ORDER if (given.docs / name / "config.json").is_file()]
    left = [name for name in ORDER if name not in there]
    rest = [f"Not run with these weights yet: {', '.join(left)}.\n"] if left else []
    page = "\n".join([HEAD, *(section(given.docs, name) for name in there), *rest])
    (given.docs / "README.md").write_text(page, encoding="utf-8")


def section(docs: Path, name: str) -> str:
    """Say what a study asked and found."""
    told = json.loads((docs / name / "config.json").read_text(encoding="utf-8"))
    found = "\n\n".join(filter(None, (" ".join(told["found"]), SEEN.get(name))))
    return f"## {name}\n\n*{told['question']}*\n\n{found}\n\n[The report]({name}/report.html), [its figures]({name}/metrics.json).\n"


if __name__ == "__main__":
    main()
