import { api } from "../../api/client";
import { loadQueue, previewUrl } from "../../api/queue";
import type { Job } from "../../api/types";
import { address } from "../../app/router";
import { sayError } from "../../app/toasts";
import { ago, count, duration, kindName, stageName, timeLeft } from "../../app/words";
import { IconButton, Select } from "../../parts/controls";
import { Note, Progress } from "../../parts/feedback";
import { Icon, type IconName } from "../../parts/icons";
import { frameUrl, Picture, thumbnail } from "../../parts/image";

const TONES = { queued: "", running: "blue", paused: "amber", done: "green", failed: "red", cancelled: "" } as const;
const KIND_ICONS: Record<string, IconName> = { train: "training", evaluate: "library", study: "training", export: "download", grid: "grid", takes: "storyboard", choose: "choose" };
const PRIORITIES = [["10", "Urgent"], ["0", "Normal"], ["-10", "When idle"]] as const;
const MIME = "application/x-sakuga-job";

/** One job; a waiting one can be dragged or moved with buttons. */
export function JobRow({ job, waiting }: { job: Job; waiting: readonly Job[] }) {
  const act = async (work: () => Promise<unknown>) => {
    try {
      await work();
    } catch (error) {
      sayError(error);
    }
    void loadQueue();
  };
  const path = { job: job.id };
  const place = waiting.indexOf(job);
  const before = (other: Job | undefined) => act(() => api.patch("/api/v1/jobs/{job}", { path, body: (other ? { before: other.id } : {}) }));
  const down = () => { const next = waiting[place + 1]; if (next) void act(() => api.patch("/api/v1/jobs/{job}", { path: { job: next.id }, body: { before: job.id } })); };
  const title = job.title || job.kind;
  return (
    <li class={`job ${job.state}`} draggable={place >= 0}
      onDragStart={(event) => event.dataTransfer?.setData(MIME, job.id)}
      onDragOver={(event) => { if (place >= 0 && event.dataTransfer?.types.includes(MIME)) event.preventDefault(); }}
      onDrop={(event) => { const moved = event.dataTransfer?.getData(MIME); if (moved && moved !== job.id) void act(() => api.patch("/api/v1/jobs/{job}", { path: { job: moved }, body: { before: job.id } })); }}>
      <Picture source={imageOf(job)} alt="" ratio={1} waiting={<Icon name={KIND_ICONS[job.kind] ?? "film"} />} />
      <div class="stack grow">
        <div class="job-head"><strong class="clip" title={title}>{title}</strong><span class={`badge ${TONES[job.state]}`}>{job.state}</span><span class="faint">{kindName(job.kind)}</span></div>
        {job.state === "running" || job.state === "paused" ? (
          <>
            <Progress value={overall(job)} label={title} />
            {job.state === "running" && (job.progress.devices?.length ?? 0) > 0 && <Devices devices={job.progress.devices ?? []} title={title} />}
            <p class="quiet num">{[stageName(job.progress.stage), job.progress.total ? `${job.progress.done} of ${job.progress.total}` : "", timeLeft(job.progress.seconds_left)].filter(Boolean).join(" · ") || "starting"}</p>
          </>
        ) : <p class="quiet num">{job.state === "queued" ? `waiting, queued ${ago(job.created)}` : endedWords(job)}</p>}
        {job.error && <Note tone="wrong">{job.error}</Note>}
        {job.notes.length > 0 && <Notes notes={job.notes} />}
      </div>
      <div class="row tight job-tools">
        {place >= 0 && <Select label={`Priority of ${title}`} value={String(job.priority)} options={prioritiesWith(job.priority)} onChange={(priority) => void act(() => api.patch("/api/v1/jobs/{job}", { path, body: { priority: Number(priority) } }))} />}
        {place >= 0 && <IconButton small icon="up" label={`Move ${title} up`} disabled={place === 0} onClick={() => void before(waiting[place - 1])} />}
        {place >= 0 && <IconButton small icon="down" label={`Move ${title} down`} disabled={place === waiting.length - 1} onClick={down} />}
        {job.state === "running" && <IconButton small icon="pause" label={`Pause ${title}`} onClick={() => void act(() => api.post("/api/v1/jobs/{job}/pause", { path }))} />}
        {job.state === "paused" && <IconButton small icon="play" label={`Go on with ${title}`} onClick={() => void act(() => api.post("/api/v1/jobs/{job}/resume", { path }))} />}
        {["queued", "running", "paused"].includes(job.state) && <IconButton small icon="close" label={`Cancel ${title}`} onClick={() => void act(() => api.post("/api/v1/jobs/{job}/cancel", { path }))} />}
        {(job.state === "failed" || job.state === "cancelled") && <IconButton small icon="redo" label={`Try ${title} again`} onClick={() => void act(() => api.post("/api/v1/jobs/{job}/retry", { path }))} />}
        {job.state === "done" && resultOf(job) && <a class="button small" href={resultOf(job) ?? ""}>Open</a>}
        {["done", "failed", "cancelled"].includes(job.state) && <IconButton small icon="trash" label={`Remove ${title} from the list`} onClick={() => void act(() => api.delete("/api/v1/jobs/{job}", { path }))} />}
      </div>
    </li>
  );
}

/** The lanes of a cluster: what each device has rendered of a job. */
function Devices({ devices, title }: { devices: NonNullable<Job["progress"]["devices"]>; title: string }) {
  const most = Math.max(...devices.map((device) => device.frames));
  return (
    <ul class="devices" aria-label={`Devices that render ${title}`}>
      {devices.map((device) => (
        <li key={device.name}>
          <span class="clip" title={device.name}>{device.name}</span>
          <meter min={0} max={most} value={device.frames} aria-hidden="true" />
          <span class="quiet num">{count(device.frames, "frame")}, {ago(device.newest)}</span>
        </li>
      ))}
    </ul>
  );
}

/** What was noted on the way; many lines are folded away. */
function Notes({ notes }: { notes: readonly string[] }) {
  const lines = notes.map((note) => <p key={note} class="faint note-line">{note}</p>);
  return notes.length < 4 ? <>{lines}</> : <details><summary class="note-line">{notes.length} notes</summary>{lines}</details>;
}

/** The usual priorities, and the job's own where it is another. */
function prioritiesWith(own: number): (readonly [string, string])[] {
  return PRIORITIES.some(([value]) => value === String(own)) ? [...PRIORITIES] : [...PRIORITIES, [String(own), `Priority ${own}`] as const];
}

function overall(job: Job): number {
  return job.progress.total ? job.progress.done / job.progress.total : job.progress.share;
}

function endedWords(job: Job): string {
  const took = job.started !== null && job.ended !== null && job.started !== undefined && job.ended !== undefined ? `took ${duration(Math.max(0.1, Math.round((job.ended - job.started) * 10) / 10))}` : "";
  return [took, job.ended ? ago(job.ended) : ""].filter(Boolean).join(" · ");
}

function imageOf(job: Job): string | null {
  if (job.state === "running") return previewUrl(job);
  const result = job.result ?? {};
  if (typeof result["clip"] === "string") return `/api/v1/clips/${result["clip"]}/frames/0?w=128`;
  const take = (result["takes"] as { frame?: string | number; digest?: string }[] | undefined)?.[0];
  const digest = (result["images"] as string[] | undefined)?.[0] ?? take?.digest ?? take?.frame;
  return typeof digest === "string" ? thumbnail(frameUrl(digest), 128) : null;
}

function resultOf(job: Job): string | null {
  const result = job.result ?? {};
  if (typeof result["clip"] === "string") return address("timeline", result["clip"]);
  if (job.kind === "redo") return address("timeline", String(job.request["clip"]), { frame: String(Number((job.request["frames"] as number[])[0] ?? 0) + 1) });
  if (job.kind === "takes" && job.project) return address("storyboard", job.project);
  if (typeof result["run"] === "string") return address("training", result["run"], { tab: "runs" });
  if (typeof result["report"] === "string") return address("training", result["report"], { tab: "reports" });
  if (job.kind === "grid") return address("grid", job.id);
  return result["images"] ? address("library") : null;
}
