import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import { start } from "../../api/queue";
import type { StudyInfo } from "../../api/types";
import { go } from "../../app/router";
import { sayError } from "../../app/toasts";
import { count, minutes } from "../../app/words";
import { Field, NumberInput, Segmented, TextInput } from "../../parts/controls";
import { Dialog } from "../../parts/dialog";
import { Loading, Note } from "../../parts/feedback";

/** How a study runs: its edition, on which sets; its runs and their time stand below before it starts. */
export function StudyDialog({ study, onClose }: { study: StudyInfo; onClose: () => void }) {
  const [quick, setQuick] = useState<"quick" | "full">("full");
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [grid, setGrid] = useState("");
  const [search, setSearch] = useState(0);
  const sets = useQuery("sets", () => api.get("/api/v1/sets"), (event) => event.kind === "set");
  const request = {
    kind: "study" as const, name: study.name as "styles", model: "sketchbook", quick: quick === "quick", sets: [...chosen],
    grid: grid.split(/[;\n]/).map((one) => one.trim()).filter(Boolean), search,
  };
  const plan = useQuery(JSON.stringify(request), () => api.post("/api/v1/studies/plan", { body: request }));
  const toggle = (name: string) => setChosen(chosen.includes(name) ? chosen.filter((one) => one !== name) : [...chosen, name]);
  const run = async () => {
    try {
      const job = await start(request, `Study of ${study.name}${request.quick ? ", quick" : ""}`);
      onClose();
      go("training", job.id, { tab: "studies" });
    } catch (error) {
      sayError(error);
    }
  };
  const needs = study.sets === null || study.sets === undefined ? "Any number" : `It takes ${count(study.sets, "set")}`;
  return (
    <Dialog title={`Study of ${study.name}`} large onClose={onClose} footer={<button class="button main" disabled={!plan.data} onClick={() => void run()}>Start the study</button>}>
      <p>{study.question}</p>
      <div class="grid-2">
        <div class="field"><span>Edition</span><Segmented label="Edition" value={quick} onChange={setQuick} options={[["full", "Full"], ["quick", "Quick"]]} /><p class="hint">The quick edition tests the setup; it is too small for conclusions.</p></div>
        <fieldset class="field"><legend>Your own training sets</legend>
          {(sets.data ?? []).length ? (sets.data ?? []).map((set) => <label key={set.name} class="check"><input type="checkbox" checked={chosen.includes(set.name)} onChange={() => toggle(set.name)} />{set.name}</label>) : <p class="quiet">There are none yet.</p>}
          <p class="hint">{needs}; without one the built-in world renders them.</p>
        </fieldset>
        {study.name === "ablation" && (
          <>
            <Field label="What varies" hint="Training settings with values, one a line; empty varies rank, steps and rate">{(id) => <TextInput id={id} lines value={grid} placeholder={"rank=4,8,16\nrate=0.001,0.002"} onCommit={setGrid} />}</Field>
            <Field label="Points to search" hint="0 runs the whole grid; more are chosen one by one, by the scores so far">{(id) => <NumberInput id={id} value={search} min={0} max={1000} onCommit={setSearch} />}</Field>
          </>
        )}
      </div>
      <section class="stack plan" aria-label="Plan">
        {plan.error ? <Note tone="wrong">{plan.error.message}</Note> : !plan.data ? <Loading error={null} what="the plan" retry={plan.reload} /> : (
          <>
            <h3 class="num">{count(plan.data.runs.length, "run")}, about {minutes(plan.data.seconds)} on one core</h3>
            <ol class="plan-runs">{plan.data.runs.map((run) => <li key={run.name} class="row tight"><span class="grow clip">{run.name}</span><span class="faint">{run.kind === "training" ? "training" : "images"}</span><span class="faint num">{minutes(run.seconds)}</span></li>)}</ol>
          </>
        )}
      </section>
    </Dialog>
  );
}
