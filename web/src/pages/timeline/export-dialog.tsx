import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import { jobOf, loadQueue } from "../../api/queue";
import type { Format, Timeline } from "../../api/types";
import { sayError } from "../../app/toasts";
import { bytes } from "../../app/words";
import { Field, NumberInput, TextInput } from "../../parts/controls";
import { Dialog } from "../../parts/dialog";
import { Note, Progress } from "../../parts/feedback";
import { Icon } from "../../parts/icons";

const FORMATS: [Format, string, string][] = [
  ["gif", "GIF", "Plays everywhere; 256 colours"],
  ["webp", "WebP", "Full colour, small; browsers and chats"],
  ["mp4", "MP4", "Video for editing and posting"],
  ["webm", "WebM", "Video for the web"],
  ["apng", "APNG", "Lossless, large"],
  ["sheet.png", "Sprite sheet", "All frames on one PNG, for games"],
  ["contact.png", "Contact sheet", "An overview to print or send"],
];

/** Write the clip in a format, under a size if one is given, and download it. */
export function ExportDialog({ timeline, onClose }: { timeline: Timeline; onClose: () => void }) {
  const { clip } = timeline;
  const [format, setFormat] = useState<Format>("mp4");
  const [fps, setFps] = useState(timeline.fps);
  const [budget, setBudget] = useState("");
  const [started, setStarted] = useState<string | null>(null);
  const estimate = useQuery(`estimate/${clip.id}/${format}/${fps}`, () => api.get("/api/v1/clips/{clip}/estimate", { path: { clip: clip.id }, query: { format, fps } }));
  const job = jobOf(started);
  const made = job?.state === "done" ? (job.result?.["clip"] as string | undefined) : undefined;
  const limit = Number(budget);
  const run = async () => {
    try {
      const changed = fps === timeline.fps ? null : fps;
      setStarted((await api.post("/api/v1/clips/{clip}/export", { path: { clip: clip.id }, body: { format, fps: changed, max_size: format === "gif" && limit > 0 ? Math.round(limit * 1000) : null } })).id);
      void loadQueue();
    } catch (error) {
      sayError(error);
    }
  };
  const working = Boolean(started) && !made && job?.state !== "failed" && job?.state !== "cancelled";
  return (
    <Dialog title="Export" onClose={onClose} footer={<>
      <a class="button" href={`/api/v1/clips/${clip.id}/file?download=1`} download>Download as it is ({clip.format})</a>
      {made ? <a class="button main" href={`/api/v1/clips/${made}/file?download=1`} download><Icon name="download" size={16} />Download</a>
        : <button class="button main" disabled={working} onClick={() => void run()}>{working ? "Writing …" : "Export"}</button>}
    </>}>
      <fieldset class="stack">
        <legend>Format</legend>
        <div class="formats">
          {FORMATS.map(([key, name, words]) => (
            <label key={key} class={`format ${key === format ? "chosen" : ""}`}>
              <input type="radio" name="format" checked={key === format} onChange={() => { setFormat(key); setStarted(null); }} />
              <span class="stack"><strong>{name}</strong><small class="quiet">{words}</small></span>
            </label>
          ))}
        </div>
      </fieldset>
      <div class="grid-2">
        <Field label="Frames per second">{(id) => <NumberInput id={id} value={fps} min={1} max={240} step="any" onCommit={(next) => { setFps(next); setStarted(null); }} />}</Field>
        {format === "gif" && <Field label="At most, in kB" hint="Fewer colours, then fewer frames, until it fits">{(id) => <TextInput id={id} value={budget} placeholder="no limit" onCommit={(next) => { setBudget(next); setStarted(null); }} />}</Field>}
      </div>
      <p class="num quiet" role="status">
        {job?.state === "failed" ? "" : made ? "Written." : estimate.data ? `About ${bytes(estimate.data.bytes)}, ${clip.width} × ${clip.height}, the recipe inside.` : estimate.error ? estimate.error.message : "Estimating …"}
      </p>
      {working && <Progress value={job?.progress.share ?? 0} label="Writing the file" />}
      {job?.state === "failed" && <Note tone="wrong">{job.error}</Note>}
    </Dialog>
  );
}
