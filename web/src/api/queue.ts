import { computed, signal } from "@preact/signals";
import { api } from "./client";
import { following, listen } from "./events";
import type { Job, JobRequest, Queue } from "./types";

/** The queue as the server has it; every page reads jobs from here. */
export const queue = signal<Queue | null>(null);
export const queueError = signal<Error | null>(null);
/** The newest denoising preview of each running job, by job: its number at `/jobs/ID/preview`. */
export const previews = signal<Record<string, number>>({});

const RUNNING_FIRST = { running: 0, paused: 1, queued: 2, done: 3, failed: 3, cancelled: 3 } as const;
export const unfinished = computed(() => (queue.value?.jobs ?? []).filter((job) => RUNNING_FIRST[job.state] < 3));
export const running = computed(() => unfinished.value.filter((job) => job.state === "running"));

export async function loadQueue(): Promise<void> {
  await following;
  try {
    queue.value = await api.get("/api/v1/queue");
    queueError.value = null;
  } catch (error) {
    queueError.value = error as Error;
  }
}

let timer = 0;
listen((event) => {
  if (event.kind === "preview") previews.value = { ...previews.value, [event.subject]: Number(event.data["n"]) };
  const moved = event.kind === "job" && put(event.data as unknown as Job);
  if (moved || event.kind === "queue" || event.kind === "reset") {
    clearTimeout(timer);
    timer = window.setTimeout(() => void loadQueue(), 150);
  }
});
void loadQueue();

/** Show a job's news at once; returns whether the queue is to be read again, as for a new job or another order. */
function put(job: Job): boolean {
  const known = queue.value?.jobs.find((one) => one.id === job.id);
  if (!queue.value || !known) return true;
  queue.value = { ...queue.value, jobs: queue.value.jobs.map((known) => (known.id === job.id ? { ...known, ...job } : known)) };
  return known.state !== job.state || known.priority !== job.priority || known.position !== job.position;
}

export async function start(request: JobRequest, title = ""): Promise<Job> {
  const job = await api.post("/api/v1/jobs", { body: { request: request as never, title } });
  void loadQueue();
  return job;
}

export function jobOf(id: string | null | undefined): Job | null {
  return (id && queue.value?.jobs.find((job) => job.id === id)) || null;
}

export function previewUrl(job: Job): string | null {
  const number = previews.value[job.id] ?? job.progress.preview;
  return number ? `/api/v1/jobs/${job.id}/preview?n=${number}` : null;
}
