import { useState } from "preact/hooks";
import { jobOf, start } from "../../api/queue";
import type { Style } from "../../api/types";
import { sayError } from "../../app/toasts";
import { timeLeft } from "../../app/words";
import { Field, NumberInput } from "../../parts/controls";
import { Dialog } from "../../parts/dialog";
import { Note, Progress } from "../../parts/feedback";
import { frameUrl, Picture } from "../../parts/image";

/** The base model and the style, the same prompt, the same seeds. */
export function AgainstDialog({ style, onClose }: { style: Style; onClose: () => void }) {
  const [prompt, setPrompt] = useState("a castle on green hills");
  const [count, setCount] = useState(4);
  const [jobs, setJobs] = useState<{ base: string; styled: string } | null>(null);
  const run = async () => {
    try {
      const request = { kind: "draw" as const, prompts: [prompt], images_per_prompt: count, seed: 1 };
      const base = await start({ ...request, settings: {} }, `Base, for ${style.name}`);
      const styled = await start({ ...request, settings: { style: style.name } }, style.name);
      setJobs({ base: base.id, styled: styled.id });
    } catch (error) {
      sayError(error);
    }
  };
  return (
    <Dialog title={`${style.name} against the base model`} large onClose={onClose} footer={<button class="button main" onClick={() => void run()}>Generate both</button>}>
      <div class="grid-2">
        <Field label="Prompt">{(id) => <input id={id} class="input" value={prompt} onInput={(event) => setPrompt(event.currentTarget.value)} />}</Field>
        <Field label="Images each">{(id) => <NumberInput id={id} value={count} min={1} max={16} onCommit={setCount} />}</Field>
      </div>
      {jobs ? (
        <>
          <Row title="Base" job={jobs.base} count={count} />
          <Row title={style.name} job={jobs.styled} count={count} />
        </>
      ) : <Note>Both rows use the same seeds, so what differs is the style.</Note>}
    </Dialog>
  );
}

function Row({ title, job: id, count }: { title: string; job: string; count: number }) {
  const job = jobOf(id);
  const images = (job?.result?.["images"] as string[] | undefined) ?? [];
  return (
    <section class="stack">
      <div class="row"><h3>{title}</h3><span class="faint num">{job?.state === "running" ? timeLeft(job.progress.seconds_left) : job?.state === "queued" ? "in the queue" : ""}</span></div>
      {job?.error && <Note tone="wrong">{job.error}</Note>}
      {job?.state === "running" && <Progress value={job.progress.share} label={title} />}
      <div class="against">{Array.from({ length: count }, (_, place) => <Picture key={place} source={images[place] ? frameUrl(images[place]) : null} alt={`${title}, image ${place + 1}`} waiting="…" />)}</div>
    </section>
  );
}
