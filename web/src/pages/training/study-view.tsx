import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import { jobOf, loadQueue } from "../../api/queue";
import type { StudyProgress } from "../../api/types";
import { address } from "../../app/router";
import { sayError } from "../../app/toasts";
import { minutes } from "../../app/words";
import { Loading, Note, Progress } from "../../parts/feedback";
import { Icon } from "../../parts/icons";

const STATES = { waiting: ["", "waiting"], running: ["blue", "running"], done: ["green", "done"] } as const;

/** A study as it goes: every run with its first images, then what was found. */
export function StudyView({ id }: { id: string }) {
  const study = useQuery(`study/${id}`, () => api.get("/api/v1/studies/{job}", { path: { job: id } }), (event) => event.kind === "job" && event.subject === id);
  if (!study.data) return <Loading error={study.error} what="this study" retry={study.reload} />;
  const { data } = study;
  const job = jobOf(id);
  const done = data.runs.filter((run) => run.state === "done").length;
  const goes = job?.state === "running" || job?.state === "queued";
  return (
    <section class="stack wide" aria-label={data.title}>
      <div class="row"><h2>{data.title}</h2><span class="badge">{data.state}</span><Verbs study={data} state={job?.state ?? data.state} /></div>
      <p class="quiet">{data.question}</p>
      {data.state !== "done" && (
        <>
          <Progress value={done / data.runs.length} label={`Runs of ${data.title}`} />
          <p class="quiet num" role="status">{done} of {data.runs.length} runs{goes && data.seconds > 0 ? ` · about ${minutes(data.seconds)} left` : ""}</p>
        </>
      )}
      {job?.error && <Note tone="wrong">{job.error}</Note>}
      {data.found.length > 0 && <Note><strong>What it found</strong>{data.found.map((line) => <p key={line}>{line}</p>)}{data.quick && <p class="faint">The quick edition is too small for conclusions.</p>}</Note>}
      <ol class="study-runs">
        {data.runs.map((run) => (
          <li key={run.name} class={run.state}>
            <span class="run-name"><span class="clip">{run.name}</span><small class="faint num">{run.kind === "training" ? "training" : "images"} · about {minutes(run.seconds)}</small></span>
            <span class={`badge ${STATES[run.state][0]}`}>{STATES[run.state][1]}</span>
            <span class="strip-place">{run.strip && <img src={run.strip} alt={`First images of ${run.name}`} loading="lazy" />}</span>
          </li>
        ))}
      </ol>
    </section>
  );
}

function Verbs({ study, state }: { study: StudyProgress; state: StudyProgress["state"] }) {
  const act = (verb: "pause" | "resume" | "cancel" | "retry") => api.post(`/api/v1/jobs/{job}/${verb}` as "/api/v1/jobs/{job}/pause", { path: { job: study.id } }).then(() => loadQueue()).catch(sayError);
  return (
    <span class="row push">
      {state === "running" && <button class="button" onClick={() => void act("pause")}><Icon name="pause" size={16} />Stop here</button>}
      {state === "paused" && <button class="button main" onClick={() => void act("resume")}><Icon name="play" size={16} />Go on</button>}
      {(state === "running" || state === "queued") && <button class="button" onClick={() => void act("cancel")}><Icon name="close" size={16} />Cancel</button>}
      {(state === "failed" || state === "cancelled") && <button class="button" onClick={() => void act("retry")}>Go on</button>}
      {study.report && <a class="button main" href={address("training", study.report, { tab: "reports" })}>Read the report</a>}
    </span>
  );
}
