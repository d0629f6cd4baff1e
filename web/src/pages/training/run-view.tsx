import { api } from "../../api/client";
import { concernsJob } from "../../api/events";
import { useQuery } from "../../api/query";
import { jobOf, loadQueue, start } from "../../api/queue";
import type { Run } from "../../api/types";
import { say, sayError } from "../../app/toasts";
import { timeLeft } from "../../app/words";
import { LineChart, type Series } from "../../parts/chart";
import { Loading, Note, Progress } from "../../parts/feedback";
import { Icon } from "../../parts/icons";

/** A training as it goes: loss, samples, and what stops or continues it. */
export function RunView({ name }: { name: string }) {
  const run = useQuery(`run/${name}`, () => api.get("/api/v1/runs/{name}", { path: { name } }), (event) => (event.kind === "run" && event.subject === name) || concernsJob(event, "train"));
  if (!run.data) return <Loading error={run.error} what="this training" retry={run.reload} />;
  const { data } = run;
  const job = jobOf(data.job);
  const act = async (verb: "pause" | "resume" | "cancel" | "retry") => {
    if (!data.job) return;
    try {
      await api.post(`/api/v1/jobs/{job}/${verb}` as "/api/v1/jobs/{job}/pause", { path: { job: data.job } });
    } catch (error) {
      sayError(error);
    }
    void loadQueue();
  };
  const evaluate = () => start({ kind: "evaluate", subject: name, seeds: 2, settings: {} }, `Evaluate ${name}`).then(() => say("The evaluation is in the queue; its report comes to Reports.")).catch(sayError);
  return (
    <section class="stack wide" aria-label={name}>
      <div class="row">
        <h2>{name}</h2>
        <span class="badge">{data.state}</span>
        <span class="row push">
          {job?.state === "running" && <button class="button" onClick={() => void act("pause")}><Icon name="pause" size={16} />Stop here</button>}
          {job?.state === "paused" && <button class="button main" onClick={() => void act("resume")}><Icon name="play" size={16} />Go on</button>}
          {(job?.state === "failed" || job?.state === "cancelled") && <button class="button" onClick={() => void act("retry")}>Try again</button>}
          {data.state === "done" && <button class="button" onClick={() => void evaluate()}>Evaluate</button>}
        </span>
      </div>
      <Progress value={data.step / Math.max(1, data.steps)} label={`Steps of ${name}`} />
      <p class="quiet num">Step {data.step} of {data.steps}{job?.state === "running" ? ` · ${timeLeft(job.progress.seconds_left) || "starting"}` : ""}</p>
      {job?.error && <Note tone="wrong">{job.error}</Note>}
      {data.notes.map((note) => <Note key={note} tone="warn">{note}</Note>)}
      <LineChart x="steps" y="Loss" series={seriesOf(data)} />
      {data.samples.length > 0 && (
        <section class="stack">
          <h3>Samples</h3>
          <ul class="samples">{data.samples.map((address, place) => <li key={address}><img src={address} alt={`Sample sheet ${place + 1} of ${data.samples.length}`} loading="lazy" /></li>)}</ul>
        </section>
      )}
      <details>
        <summary>Settings</summary>
        <table class="plain options"><tbody>{Object.entries(data.config).map(([key, value]) => <tr key={key}><td class="mono">{key}</td><td class="mono">{typeof value === "object" ? JSON.stringify(value) : String(value)}</td></tr>)}</tbody></table>
      </details>
    </section>
  );
}

function seriesOf(run: Run): Series[] {
  const points = (key: "loss" | "validation_loss") => run.points.flatMap((point) => { const value = point[key]; return typeof value === "number" ? [[point.step, value] as const] : []; });
  const series: Series[] = [{ name: "Loss", color: "var(--blue)", points: smoothed(points("loss")) }];
  const validation = points("validation_loss");
  return validation.length ? [...series, { name: "Validation loss", color: "var(--amber)", points: validation, dots: true }] : series;
}

/** Mean over a sliding window, so that a noisy loss can be read; at most 400 points. */
function smoothed(points: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  const reach = Math.max(1, Math.round(points.length / 40));
  const every = Math.max(1, Math.floor(points.length / 400));
  return points.flatMap(([step], place) => {
    if (place % every && place !== points.length - 1) return [];
    const near = points.slice(Math.max(0, place - reach), place + 1);
    return [[step, near.reduce((sum, [, value]) => sum + value, 0) / near.length] as const];
  });
}
