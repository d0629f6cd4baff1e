import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { jobOf, start } from "../../api/queue";
import type { Style } from "../../api/types";
import { say, sayError } from "../../app/toasts";
import { Field, Select, Slider } from "../../parts/controls";
import { Progress } from "../../parts/feedback";
import { frameUrl, Picture } from "../../parts/image";

/** Two styles in one image: a slider between them, a try, and the blend kept as a style of its own. */
export function BlendPanel({ styles, onBlended }: { styles: readonly Style[]; onBlended: () => void }) {
  const names = styles.map((style) => [style.name, style.name] as const);
  const [first, setFirst] = useState(names[0]?.[0] ?? "");
  const [second, setSecond] = useState(names[1]?.[0] ?? "");
  const [at, setAt] = useState(0.5);
  const [prompt, setPrompt] = useState("a castle on green hills");
  const [tried, setTried] = useState<string | null>(null);
  const name = `${first}-${second}-${Math.round(at * 100)}`.replace(/[^A-Za-z0-9_-]/g, "-");
  const job = jobOf(tried);
  const image = (job?.result?.["images"] as string[] | undefined)?.[0];
  const weights = `${first}:${(1 - at).toFixed(2)}, ${second}:${at.toFixed(2)}`;
  const tryIt = () => start({ kind: "draw", prompts: [prompt], images_per_prompt: 1, seed: 1, preview: true, settings: { style: weights } }, `Blend ${first} and ${second}`).then((made) => setTried(made.id)).catch(sayError);
  const keep = () => api.post("/api/v1/styles/blend", { body: { first, second, at, name } }).then(() => { say(`The blend is kept as ${name}.`); onBlended(); }).catch(sayError);
  return (
    <section class="stack wide" aria-label="Blend two styles">
      <h2>Blend two styles</h2>
      <div class="split">
        <Picture source={image ? frameUrl(image) : null} alt={image ? `${prompt}, ${weights}` : "No try yet"} waiting={job && job.state !== "failed" ? "being generated" : "try a blend to see it"}>
          {job?.state === "running" && <Progress value={job.progress.share} label="Blend" />}
        </Picture>
        <div class="stack wide">
          <div class="blend-pair">
            <Field label="From">{(id) => <Select id={id} value={first} options={names} onChange={setFirst} />}</Field>
            <div class="slider-cell"><Slider label={`${Math.round((1 - at) * 100)}% ${first}, ${Math.round(at * 100)}% ${second}`} min={0} max={1} step={0.05} value={at} onChange={setAt} text={at.toFixed(2)} /></div>
            <Field label="To">{(id) => <Select id={id} value={second} options={names} onChange={setSecond} />}</Field>
          </div>
          <Field label="Prompt">{(id) => <input id={id} class="input" value={prompt} onInput={(event) => setPrompt(event.currentTarget.value)} />}</Field>
          <div class="row">
            <button class="button main" disabled={first === second} onClick={() => void tryIt()}>Try it</button>
            <button class="button" disabled={first === second} onClick={() => void keep()}>Keep as {name}</button>
          </div>
        </div>
      </div>
    </section>
  );
}
