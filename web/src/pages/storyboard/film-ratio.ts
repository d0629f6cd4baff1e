import type { Project } from "../../api/types";

/** Width to height of a film; square where its settings name no size. */
export function filmRatio(project: Project): number {
  const [width, height] = String(project.settings["size"] ?? "1x1").split("x").map(Number);
  return width && height ? width / height : 1;
}
