import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import { queue } from "../../api/queue";
import type { StudyInfo } from "../../api/types";
import { address } from "../../app/router";
import { ago, count, minutes } from "../../app/words";
import { Loading } from "../../parts/feedback";
import { StudyDialog } from "./study-dialog";
import { StudyView } from "./study-view";

/** Experiments as tables of trainings: start one, watch its runs, read what it found. */
export function StudiesTab({ id }: { id: string | null }) {
  const [starting, setStarting] = useState<StudyInfo | null>(null);
  const studies = useQuery("studies", () => api.get("/api/v1/studies"));
  const jobs = (queue.value?.jobs ?? []).filter((job) => job.kind === "study").sort((one, other) => other.created - one.created);
  const shown = jobs.find((job) => job.id === id);
  return (
    <div class={jobs.length ? "split" : ""}>
      {jobs.length > 0 && (
        <ul class="list" aria-label="Studies">
          <li><a href={address("training", null, { tab: "studies" })} aria-current={shown ? undefined : "true"}><span class="grow">All studies</span></a></li>
          {jobs.map((job) => (
            <li key={job.id}>
              <a href={address("training", job.id, { tab: "studies" })} aria-current={job.id === shown?.id ? "true" : undefined}>
                <span class="grow"><span class="clip" style={{ display: "block" }}>{job.title}</span><small class="faint num">{job.state} · {ago(job.created)}</small></span>
              </a>
            </li>
          ))}
        </ul>
      )}
      {shown ? <StudyView key={shown.id} id={shown.id} /> : !studies.data ? <Loading error={studies.error} what="the studies" retry={studies.reload} /> : (
        <section class="stack wide" aria-label="Start a study">
          <p class="quiet">A study trains several times under equal conditions, generates the same prompts with each result, and writes one report with what it found. Runs that two studies share are made once.</p>
          <ul class="study-list">
            {studies.data.map((study) => (
              <li key={study.name} class="stack">
                <h2>{study.name.replace(/^./, (letter) => letter.toUpperCase())}</h2>
                <p class="grow">{study.question}</p>
                <div class="row">
                  <span class="faint num grow">{count(study.runs, "run")}, about {minutes(study.seconds)} on one core</span>
                  <button class="button" aria-label={`Start ${study.name} …`} onClick={() => setStarting(study)}>Start …</button>
                </div>
              </li>
            ))}
          </ul>
        </section>
      )}
      {starting && <StudyDialog study={starting} onClose={() => setStarting(null)} />}
    </div>
  );
}
