import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { concernsJob } from "../../api/events";
import { useQuery } from "../../api/query";
import { address } from "../../app/router";
import { Empty, Loading, Progress } from "../../parts/feedback";
import { Icon } from "../../parts/icons";
import { MovementDialog } from "./movement-dialog";
import { RunView } from "./run-view";

export function RunsTab({ name }: { name: string | null }) {
  const [learning, setLearning] = useState(false);
  const runs = useQuery("runs", () => api.get("/api/v1/runs"), (event) => event.kind === "run" || concernsJob(event, "train"));
  if (!runs.data) return <Loading error={runs.error} what="the trainings" retry={runs.reload} />;
  const shown = runs.data.find((run) => run.name === name) ?? runs.data[0];
  const movement = <button class="button" onClick={() => setLearning(true)}><Icon name="plus" size={16} />Learn a movement …</button>;
  const dialog = learning && <MovementDialog onClose={() => setLearning(false)} />;
  if (!shown)
    return (
      <Empty icon="training" title="Nothing trained yet">
        <p>A training runs in the queue. Stop it whenever you like: it goes on where it stood.</p>
        <a class="button main" href={address("training", null, { tab: "sets" })}>Choose a training set</a>
        {movement}
        {dialog}
      </Empty>
    );
  return (
    <div class="split">
      <div class="stack">
        <ul class="list" aria-label="Trainings">
          {runs.data.map((run) => (
            <li key={run.name}>
              <a href={address("training", run.name, { tab: "runs" })} aria-current={run.name === shown.name ? "true" : undefined}>
                <span class="grow stack" style={{ gap: "4px" }}>
                  <span class="clip">{run.name}</span>
                  <small class="faint num">{run.method} · {run.state} · {run.step} of {run.steps}</small>
                  {run.state === "running" && <Progress value={run.step / Math.max(1, run.steps)} label={run.name} />}
                </span>
              </a>
            </li>
          ))}
        </ul>
        {movement}
        {dialog}
      </div>
      <RunView key={shown.name} name={shown.name} />
    </div>
  );
}
