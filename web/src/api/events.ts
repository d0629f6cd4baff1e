import { signal } from "@preact/signals";
import { api } from "./client";
import type { StudioEvent } from "./types";

const KINDS = ["job", "queue", "frame", "preview", "project", "take", "clip", "star", "upload", "set", "style", "run", "report", "grid", "doctor", "choose", "reset"];
const FIRST_WAIT = 500;
const LONGEST_WAIT = 4000;
/** The server pings a quiet line every 15 seconds; one that is silent for longer is dead, as after a night's sleep. */
const SILENCE = 40_000;

export type LineState = "connecting" | "open" | "lost";
export const line = signal<LineState>("connecting");

const listeners = new Set<(event: StudioEvent) => void>();
let newest = 0;
let wait = FIRST_WAIT;
let watch = 0;

/** Hear every event of the server; returns what ends it. */
export function listen(listener: (event: StudioEvent) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Whether a job of a kind, or of any, has news; with `ended`, only when it has come to its end. */
export function concernsJob(event: StudioEvent, kind: string | null, ended = false): boolean {
  if (event.kind !== "job" || (kind !== null && event.data["kind"] !== kind)) return false;
  return !ended || ["done", "failed", "cancelled"].includes(String(event.data["state"]));
}

/** Follow the server's events from here on. Lists that are read after this resolves miss nothing. */
export const following: Promise<void> = begin();

async function begin(): Promise<void> {
  try {
    newest = (await api.get("/api/v1/status")).last_event;
    connect();
  } catch {
    lose();
  }
}

function connect(): void {
  const source = new EventSource(`/api/v1/events?after=${newest}`);
  source.onopen = () => {
    heard();
    const before = line.value;
    line.value = "open";
    wait = FIRST_WAIT;
    if (before === "lost") tell({ id: newest, kind: "reset", subject: "", data: {} });
  };
  const drop = () => {
    clearTimeout(watch);
    source.close();
    lose();
  };
  const heard = () => {
    clearTimeout(watch);
    watch = window.setTimeout(drop, SILENCE);
  };
  source.onerror = drop;
  source.addEventListener("ping", heard);
  heard();
  for (const kind of KINDS)
    source.addEventListener(kind, (message: MessageEvent<string>) => {
      heard();
      tell(JSON.parse(message.data) as StudioEvent);
    });
}

/** Try again, at first soon and then every few seconds, for as long as the page is open. */
function lose(): void {
  line.value = "lost";
  setTimeout(connect, wait);
  wait = Math.min(LONGEST_WAIT, wait * 2);
}

function tell(event: StudioEvent): void {
  newest = Math.max(newest, event.id);
  for (const listener of [...listeners]) listener(event);
}
