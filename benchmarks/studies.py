"""Publish finished studies in docs/studies: reports, metrics, and a page with the conclusions.

    for name in methods curation prompting styles interpolation ablation; do sakuga study $name; done
    python benchmarks/studies.py studies docs/studies

A study that is not finished is skipped, and its older results stay.
"""

import argparse
import json
import shutil
from pathlib import Path

ORDER = ("methods", "curation", "prompting", "styles", "interpolation", "ablation")
PUBLISHED = ("report.html", "metrics.json")
HEAD = """# Results of the studies

Studies on the Sketchbook ([how to run them](../studies.md)), each with its report and its metrics beside this page. Adapters have rank 8
and are trained in 200 steps of 8 images, a look on 48 images (half portraits) unless stated; all columns use the same held-out prompts
and noise, and 12 denoising steps. A number in brackets is a 95% interval over prompts; what it does not settle is called unsettled.
Except in `curation`, each cell of a table is one training, so another training seed may differ by more than the interval says. Scores are
by the Sketchbook's own label classifier, which was trained on true renders. The sentences with numbers are written by the studies, those
about what one sees by a person.
"""
OBSERVATIONS = {
    "ablation": (
        "Best and middle have the paper's edge and the washes, and a sunset goes pale; the worst looks like the base model's. A face "
        "in snow has the washes too, and the classifier still reads it as none. Faces keep their features in all of them; blue hair "
        "can go white."
    ),
    "methods": (
        "LoRA and DreamBooth generate something round and striped in blue and cream that floats: a balloon at a glance, seldom with "
        "its basket. The embedding gives the base model's heap of patches. Applied to prompts without a balloon, both give a dragon "
        "its stripes; faces keep their own."
    ),
    "curation": (
        "All sets bring paper and washes to faces as to landscapes. What portraits in a set teach here is less the look than the "
        "people: after the unbalanced set, many steps or few, a red dress turns navy and a red coat grey; after the balanced ones "
        "they stay red."
    ),
    "interpolation": (
        "Both ways are smooth, without double images. Half way both looks are faint: the paper's edge is gone, the ink is hardly "
        "there. At a quarter the exact blend keeps more of the edge. The comic was little trained in 200 steps: contours, and few "
        "dots."
    ),
    "styles": (
        "Watercolor and comic are recognised at once; cel brings the same dark contours more quietly, luminous deeper colours, and "
        "pixel hardly differs from the base model: 1,600 samples are too few for it. Nothing falls apart."
    ),
    "prompting": (
        "Words alone give a mosaic of crumbs in the colours of watercolor, in which faces can be recognised and little else; the "
        "classifier is sure of it all the same, so its 1.00 is no praise. The adapter alone keeps house and faces where they were and "
        "gives them the paper's edge and pale washes. The words on top of it make it gaudy."
    ),
}
"""What a person saw in the images of the reports."""


def main() -> None:
    """Copy finished studies and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("studies", type=Path, help="folder into which `sakuga study` wrote")
    parser.add_argument("docs", type=Path, help="folder for reports and page")
    arguments = parser.parse_args()
    for name in ORDER:
        study = arguments.studies / name
        if all((study / file).is_file() for file in PUBLISHED):
            (arguments.docs / name).mkdir(parents=True, exist_ok=True)
            for file in (*PUBLISHED, "config.json"):
                shutil.copyfile(study / file, arguments.docs / name / file)
    there = [name for name in ORDER if (arguments.docs / name / "config.json").is_file()]
    left = [name for name in ORDER if name not in there]
    rest = [f"Not run with these weights yet: {', '.join(left)}.\n"] if left else []
    page = "\n".join([HEAD, *(section(arguments.docs, name) for name in there), *rest])
    (arguments.docs / "README.md").write_text(page, encoding="utf-8")


def section(docs: Path, name: str) -> str:
    """Return a study's question, conclusion and observations."""
    config = json.loads((docs / name / "config.json").read_text(encoding="utf-8"))
    conclusion = "\n\n".join(filter(None, (" ".join(config["found"]), OBSERVATIONS.get(name))))
    return f"## {name}\n\n*{config['question']}*\n\n{conclusion}\n\n[The report]({name}/report.html), [its metrics]({name}/metrics.json).\n"


if __name__ == "__main__":
    main()
