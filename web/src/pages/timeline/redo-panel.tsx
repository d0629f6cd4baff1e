import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import { jobOf, loadQueue, previewUrl, unfinished } from "../../api/queue";
import type { FrameTake, Timeline } from "../../api/types";
import { go } from "../../app/router";
import { say, sayError } from "../../app/toasts";
import { freshSeed, timeLeft } from "../../app/words";
import { Field, NumberInput, TextInput } from "../../parts/controls";
import { Compare } from "../../parts/compare";
import { Dialog } from "../../parts/dialog";
import { Note, Progress } from "../../parts/feedback";
import { Icon } from "../../parts/icons";
import { Picture, frameUrl } from "../../parts/image";
import { listen } from "../../api/events";

/** Generate the selected frames again, several takes each, and put the chosen ones in their place. */
export function RedoPanel({ timeline, selected }: { timeline: Timeline; selected: readonly number[] }) {
  const path = { clip: timeline.clip.id };
  const [count, setCount] = useState(4);
  const [prompt, setPrompt] = useState("");
  const [strength, setStrength] = useState<number | null>(null);
  const [chosen, setChosen] = useState<Record<number, string>>({});
  const [comparing, setComparing] = useState<FrameTake | null>(null);
  const takes = useQuery(`redo/${timeline.clip.id}`, () => api.get("/api/v1/clips/{clip}/takes", { path }), (event) => event.kind === "take" || event.kind === "job");
  const job = unfinished.value.find((one) => one.kind === "redo" && one.request["clip"] === timeline.clip.id);
  const here = (takes.data ?? []).filter((take) => selected.includes(take.frame));
  const framesHere = [...new Set(here.map((take) => take.frame))].sort((a, b) => a - b);
  const ratio = timeline.clip.width / timeline.clip.height;
  const redo = async () => {
    try {
      const frames = selected.filter((place) => !timeline.frames[place]?.held).slice(0, 100);
      await api.post("/api/v1/clips/{clip}/takes", { path, body: { frames, count, seeds: Array.from({ length: count }, freshSeed), prompt: prompt.trim() || null, strength } });
      void loadQueue();
    } catch (error) {
      sayError(error);
    }
  };
  const put = async () => {
    try {
      const made = await api.post("/api/v1/clips/{clip}/choose", { path, body: { takes: Object.values(chosen), format: null } });
      say("The clip is made again with the chosen takes; nothing else changes.");
      void loadQueue();
      setChosen({});
      openWhenDone(made.id, selected[0] ?? 0);
    } catch (error) {
      sayError(error);
    }
  };
  return (
    <section class="stack wide">
      <div class="grid-2">
        <Field label="Takes a frame">{(id) => <NumberInput id={id} value={count} min={1} max={16} onCommit={setCount} />}</Field>
        <Field label="Strength">{(id) => <TextInput id={id} value={strength === null ? "" : String(strength)} placeholder="as before" onCommit={(text) => setStrength(text.trim() && Number.isFinite(Number(text)) ? Number(text) : null)} />}</Field>
      </div>
      <Field label="Another prompt">{(id) => <TextInput id={id} lines value={prompt} placeholder="as the shot" onCommit={setPrompt} />}</Field>
      <button id="redo-button" class="button" disabled={Boolean(job)} onClick={() => void redo()}>
        <Icon name="redo" size={16} />
        {job ? (job.state === "running" ? timeLeft(job.progress.seconds_left) || "Generating …" : "In the queue") : `Redo ${selected.length > 1 ? `${selected.length} frames` : `frame ${(selected[0] ?? 0) + 1}`}`}
      </button>
      {job && <Progress value={job.progress.share} label="Redoing" />}
      {!here.length && job && previewUrl(job) && <Picture source={previewUrl(job)} alt="Being generated" ratio={ratio} />}
      {framesHere.map((frame) => (
        <div key={frame} class="stack">
          {framesHere.length > 1 && <h3 class="num">Frame {frame + 1}</h3>}
          <ul class="redo-takes">
            {here.filter((take) => take.frame === frame && take.digest).map((take) => (
              <li key={take.id} class={chosen[frame] === take.id || (!chosen[frame] && take.chosen) ? "chosen" : ""}>
                <button aria-pressed={chosen[frame] === take.id} aria-label={`Take with seed ${take.seed}${take.chosen ? ", in place" : ""}`} onClick={() => setChosen(toggled(chosen, frame, take.id))}>
                  <Picture source={take.digest ? frameUrl(take.digest) : null} width={256} alt="" ratio={ratio} />
                </button>
                <button class="button small icon" aria-label={`Compare the take with seed ${take.seed} to the frame`} title="Compare to the frame" onClick={() => setComparing(take)}><Icon name="compare" size={16} /></button>
              </li>
            ))}
          </ul>
        </div>
      ))}
      {here.length > 0 && <button class="button main" disabled={!Object.keys(chosen).length} onClick={() => void put()}>Put in place</button>}
      {comparing?.digest && (
        <Dialog title={`Frame ${comparing.frame + 1}`} large onClose={() => setComparing(null)}
          footer={<button class="button main" onClick={() => { setChosen({ ...chosen, [comparing.frame]: comparing.id }); setComparing(null); }}>Choose this take</button>}>
          <Compare a={timeline.frames[comparing.frame]?.image ?? ""} b={frameUrl(comparing.digest)} names={["As it is", `Seed ${comparing.seed}`]} ratio={ratio} />
        </Dialog>
      )}
      {!here.length && !job && <Note>Takes appear here. The frame stays as it is until you put one in its place; in-betweens beside it follow.</Note>}
    </section>
  );
}

function toggled(chosen: Record<number, string>, frame: number, take: string): Record<number, string> {
  const { [frame]: before, ...others } = chosen;
  return before === take ? others : { ...others, [frame]: take };
}

/** Open the new clip at the same frame when its job has ended, if this page is still open. */
function openWhenDone(job: string, frame: number): void {
  const from = location.hash;
  const stop = listen((event) => {
    if (event.kind !== "job" || event.subject !== job) return;
    const state = event.data["state"];
    if (state !== "done" && state !== "failed" && state !== "cancelled") return;
    stop();
    const result = (event.data["result"] ?? jobOf(job)?.result) as { clip?: unknown } | null;
    if (state === "done" && typeof result?.clip === "string" && location.hash === from) go("timeline", result.clip, { frame: String(frame + 1) });
  });
}
