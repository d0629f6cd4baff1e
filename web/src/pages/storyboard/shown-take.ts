import type { Shot, Take } from "../../api/types";
import { mergedTakes } from "./takes";

/** The take that stands for a shot: the approved one, else the best. */
export function shownTake(shot: Shot): Take | null {
  const takes = mergedTakes(shot.takes);
  return takes.find((take) => take.approved && take.frame) ?? takes.find((take) => take.state === "done" && !take.stale) ?? takes.find((take) => take.frame) ?? null;
}
