import type { Take } from "../../api/types";

/** One take per seed: the final keyframe stands in place of its preview. Finished ones come first, in the server's order. */
export function mergedTakes(takes: readonly Take[]): Take[] {
  const bySeed = new Map<number, Take>();
  for (const take of takes) {
    const known = bySeed.get(take.seed);
    if (!known || rank(take) > rank(known)) bySeed.set(take.seed, known?.approved ? { ...take, approved: true } : take);
  }
  const merged = [...bySeed.values()];
  return [...merged.filter((take) => take.state === "done"), ...merged.filter((take) => take.state !== "done")];
}

function rank(take: Take): number {
  return (take.state === "done" ? 2 : take.state === "waiting" ? 1 : 0) + (take.quality === "final" ? 0.5 : 0) - (take.stale ? 1 : 0);
}
