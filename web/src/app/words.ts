/** Lengths of time, sizes and counts in words. */
export function timeLeft(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "";
  if (seconds < 1) return "almost done";
  if (seconds < 90) return `${Math.ceil(seconds)} s left`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min left`;
  return `${(seconds / 3600).toFixed(1)} h left`;
}

/** A rough length of time, as for an estimate. */
export function minutes(seconds: number): string {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

export function duration(seconds: number): string {
  return seconds < 60 ? `${Number(seconds.toFixed(2))} s` : `${Math.floor(seconds / 60)}:${String(Math.round(seconds % 60)).padStart(2, "0")} min`;
}

export function bytes(count: number): string {
  if (count < 1000) return `${count} B`;
  if (count < 1e6) return `${Math.round(count / 1e3)} kB`;
  return count < 1e9 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e9).toFixed(1)} GB`;
}

export function count(number: number, one: string, many = `${one}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

export function ago(time: number): string {
  const seconds = Date.now() / 1000 - time;
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.round(seconds / 3600)} h ago`;
  return new Date(time * 1000).toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" });
}

const KINDS: Record<string, string> = {
  animate: "Clip", render: "Film", takes: "Takes", redo: "Takes of frames", edit: "Edited clip", draw: "Images", grid: "Grid", morph: "Morph", vary: "Variations",
  choose: "Chosen clip", pixelate: "Pixel art", export: "Export", train: "Training", evaluate: "Report", study: "Study",
};

/** What a job makes, in a word. */
export function kindName(kind: string): string {
  return KINDS[kind] ?? kind;
}

const STAGES: Record<string, string> = { story: "planning", loading: "loading the model", inspecting: "looking", finishing: "finishing", export: "writing the file", running: "runs", encoding: "encoding" };

/** What a job does at present. */
export function stageName(stage: string): string {
  return STAGES[stage] ?? stage;
}

/** A fresh seed that JavaScript holds exactly. */
export function freshSeed(): number {
  return Math.floor(Math.random() * 2 ** 31);
}
