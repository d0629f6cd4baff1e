"""Job bundles for render farms: an OpenJD template, and scripts for Slurm.

Source: Open Job Description specification 2023-09 (template schemas); sbatch(1) of Slurm.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sakuga.export.target import ExportError, atomic, check_folder

FILM, TEMPLATE = "film.toml", "template.yaml"
MAX_TASKS = 1024
"""Values of a task parameter, by the specification."""
JOB_FILES = (FILM, TEMPLATE, "render.sbatch", "clip.sbatch", "submit.sh")
RENDER, CLIP = "render.sbatch", "clip.sbatch"


@dataclass(frozen=True, slots=True, kw_only=True)
class FarmJob:
    """What a farm renders: ranges of frames in stages, then the clip from the stored frames."""

    name: str
    stages: tuple[tuple[str, ...], ...]
    """Ranges of frames; those of a stage run side by side, after those of the stages before."""
    first_frame: int
    images: str
    """The name of the image sequence, such as film.%04d.png."""
    bits: int = 8
    """Bits a channel of .png images."""
    clip: str
    store: str
    """A folder that all machines see, or a URL."""


def check_bundle(folder: Path) -> None:
    """Refuse a folder that holds other things than a job; raises ExportError."""
    check_folder(folder)
    if folder.is_dir() and (other := sorted(path.name for path in folder.iterdir() if not _is_job_file(path.name))):
        raise ExportError(f"{folder} holds {other[0]}, which is no part of a job: name a new folder")


def write_bundle(job: FarmJob, film: str, folder: Path) -> None:
    """Write film, OpenJD template and Slurm scripts; raises ExportError."""
    check_bundle(folder)
    files = {FILM: film, TEMPLATE: openjd_template(job), **slurm_scripts(job)}
    for name, text in files.items():
        with atomic(folder / name) as draft:
            draft.write_text(text, encoding="utf-8")


def openjd_template(job: FarmJob) -> str:
    """Return the template in YAML: a step for each stage, a task for each range, and a step for the clip."""
    names = [f"Frames{number}" for number in range(1, len(job.stages) + 1)]
    steps = [_frames_step(job, name, ranges, names[:place]) for place, (name, ranges) in enumerate(zip(names, job.stages, strict=True))]
    template = {
        "specificationVersion": "jobtemplate-2023-09",
        "name": job.name,
        "parameterDefinitions": [
            {"name": "Film", "type": "PATH", "objectType": "FILE", "dataFlow": "IN", "default": FILM, "description": "Film to render"},
            {"name": "Output", "type": "PATH", "objectType": "DIRECTORY", "dataFlow": "OUT", "default": "output", "description": "Results"},
            {"name": "Store", "type": "STRING", "default": job.store, "description": "Store of frames, which all machines see"},
        ],
        "jobEnvironments": [{"name": "Store", "variables": {"SAKUGA_STORE": "{{Param.Store}}"}}],
        "steps": [*steps, _clip_step(job, names)],
    }
    text: str = yaml.safe_dump(template, sort_keys=False, width=140, allow_unicode=True)
    return text


def _frames_step(job: FarmJob, name: str, ranges: Sequence[str], before: Sequence[str]) -> dict[str, Any]:
    words = _render_words(job, "{{Param.Film}}", "{{Task.Param.Frames}}", "{{Param.Output}}")
    return {
        "name": name,
        **_after(before[-1:]),
        "parameterSpace": {"taskParameterDefinitions": [{"name": "Frames", "type": "STRING", "range": list(ranges)}]},
        "script": _script(words),
    }


def _clip_step(job: FarmJob, before: Sequence[str]) -> dict[str, Any]:
    return {"name": "Clip", **_after(before[-1:]), "script": _script(_clip_words(job, "{{Param.Film}}", "{{Param.Output}}"))}


def _after(names: Sequence[str]) -> Mapping[str, Any]:
    return {"dependencies": [{"dependsOn": name} for name in names]} if names else {}


def _script(words: Sequence[str]) -> dict[str, Any]:
    return {"actions": {"onRun": {"command": words[0], "args": list(words[1:])}}}


def _render_words(job: FarmJob, film: str, frames: str, out: str) -> list[str]:
    first = ["--first-frame", str(job.first_frame)]
    depth = ["--bits", str(job.bits)] if job.bits != 8 else []
    return ["sakuga", "render", film, "--frames", frames, *first, *depth, "-o", f"{out}/{job.images}", "--quiet"]


def _clip_words(job: FarmJob, film: str, out: str) -> list[str]:
    return ["sakuga", "render", film, "-o", f"{out}/{job.clip}", "--quiet"]


def slurm_scripts(job: FarmJob) -> dict[str, str]:
    """Return the scripts by name: `bash submit.sh` in the folder submits an array job for each stage, then the clip."""
    head = f"""#!/bin/bash
#SBATCH --job-name={_plain(job.name)}
#SBATCH --output=%x-%A-%a.log
set -euo pipefail
cd "${{SLURM_SUBMIT_DIR:-.}}"
export SAKUGA_STORE="${{SAKUGA_STORE:-{_quoted(job.store)}}}"
"""
    words = shlex.join(_render_words(job, FILM, "FRAMES", "output")).replace("FRAMES", '"$frames"')
    render = f"""{head}# The ranges of this stage, a line each.
frames=$(sed -n "${{SLURM_ARRAY_TASK_ID:?run it by: bash submit.sh}}p" "$1")
{words}
"""
    lines = ["#!/bin/bash", "# Submit the film to Slurm: a job array for each stage, after the stage before.", "set -euo pipefail"]
    lines += ['cd "$(dirname "$0")"', "after=()"]
    for number, ranges in enumerate(job.stages, 1):
        lines.append(f'job=$(sbatch --parsable "${{after[@]}}" --array=1-{len(ranges)} {RENDER} frames-{number}.txt)')
        lines.append('after=("--dependency=afterok:$job")')
    lines.append(f'sbatch "${{after[@]}}" {CLIP}')
    ranges_by_name = {f"frames-{number}.txt": "\n".join(ranges) + "\n" for number, ranges in enumerate(job.stages, 1)}
    clip = f"{head}{shlex.join(_clip_words(job, FILM, 'output'))}\n"
    return {RENDER: render, CLIP: clip, "submit.sh": "\n".join(lines) + "\n", **ranges_by_name}


def _quoted(text: str) -> str:
    """Escape a text inside double quotes of bash."""
    return "".join(f"\\{letter}" if letter in '"$`\\}' else letter for letter in text)


def _plain(text: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in text)


def _is_job_file(name: str) -> bool:
    return name in JOB_FILES or name == "output" or name.endswith(".log") or (name.startswith("frames-") and name.endswith(".txt"))
