import { useState } from "preact/hooks";
import { api } from "../../api/client";
import type { Project } from "../../api/types";
import { sayError } from "../../app/toasts";
import { freshSeed } from "../../app/words";
import { Field, NumberInput } from "../../parts/controls";
import { Icon } from "../../parts/icons";

const IDEAS = ["a lighthouse by the sea, from dusk to night", "a girl with a red umbrella walks through a village in the rain", "a dragon over a castle at sunset"];

/** One sentence becomes a storyboard. */
export function IdeaBox({ onPlanned }: { onPlanned: (project: Project) => void }) {
  const [idea, setIdea] = useState("");
  const [shots, setShots] = useState(5);
  const [seconds, setSeconds] = useState(6);
  const [planner, setPlanner] = useState("");
  const [busy, setBusy] = useState(false);
  const plan = async () => {
    if (!idea.trim() || busy) return;
    setBusy(true);
    try {
      onPlanned(await api.post("/api/v1/projects", { body: { idea: idea.trim(), shots, seconds, seed: freshSeed(), planner: planner.trim() || null } }));
    } catch (error) {
      sayError(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form class="idea stack wide" onSubmit={(event) => { event.preventDefault(); void plan(); }}>
      <div class="stack">
        <label for="idea"><h2>What happens?</h2></label>
        <textarea id="idea" class="input" rows={2} value={idea} placeholder="One sentence: who or what, where, and how it changes." onInput={(event) => setIdea(event.currentTarget.value)}
          onKeyDown={(event) => { if (event.key === "Enter" && !event.shiftKey) { event.preventDefault(); void plan(); } }} />
        <div class="row ideas" aria-label="Examples">
          {IDEAS.map((example) => <button key={example} type="button" class="button plain small" onClick={() => setIdea(example)}>{example}</button>)}
        </div>
      </div>
      <div class="plan-row">
        <Field label="Shots">{(id) => <NumberInput id={id} value={shots} min={1} max={60} onCommit={setShots} />}</Field>
        <Field label="Seconds">{(id) => <NumberInput id={id} value={seconds} min={0.5} max={3600} step="any" onCommit={setSeconds} />}</Field>
        <Field label="Planner">
          {(id) => <input id={id} class="input" value={planner} placeholder="built in, offline" title="Built in, or a language model: gpt-4o, or the address of an LLM server with #model" onInput={(event) => setPlanner(event.currentTarget.value)} />}
        </Field>
        <button class="button main" type="submit" disabled={!idea.trim() || busy}><Icon name="spark" size={16} />{busy ? "Planning …" : "Plan the shots"}</button>
      </div>
    </form>
  );
}
