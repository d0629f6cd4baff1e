import { api } from "../../api/client";
import type { Edit, Project } from "../../api/types";
import { sayError } from "../../app/toasts";
import { count } from "../../app/words";
import { Icon } from "../../parts/icons";

const SHOWN = 4;

/** What was changed of single frames on the timeline: it belongs to the film, and a render makes it again. */
export function EditsNote({ project, onChange }: { project: Project; onChange: (project: Project) => void }) {
  const edits = project.edits ?? [];
  if (!edits.length) return null;
  const keep = (kept: Edit[]) => api.put("/api/v1/projects/{project}/edits", { path: { project: project.id }, body: { edits: kept } }).then(onChange).catch(sayError);
  const words = edits.slice(0, SHOWN).map(inWords).join(", ") + (edits.length > SHOWN ? ` and ${edits.length - SHOWN} more` : "");
  return (
    <section class={`note edits ${project.edits_fit ? "" : "warn"}`} aria-label="Edits of frames">
      <Icon name={project.edits_fit ? "redo" : "bad"} size={16} />
      <p class="grow">
        <strong>{count(edits.length, "edit")} of frames:</strong> {words}.{" "}
        {project.edits_fit ? "Every render makes them again." : "The shots last otherwise since, so a render leaves them out."}
      </p>
      {!project.edits_fit && <button class="button small" onClick={() => void keep(edits)}>Use them all the same</button>}
      <button class="button small" onClick={() => void keep([])}>Forget them</button>
    </section>
  );
}

function inWords(edit: Edit): string {
  switch (edit.kind) {
    case "redo": return `${frames(edit)} redone`;
    case "hold": return `frame ${edit.frame} held for ${edit.frames} more`;
    case "cut": return `${frames(edit)} cut out`;
    case "expose": return edit.frames === 2 ? "on twos" : `each image for ${edit.frames} frames`;
    case "speed": return `${edit.factor} times the speed`;
  }
}

function frames({ frame, last }: { frame: number; last?: number | null }): string {
  return last && last !== frame ? `frames ${frame} to ${last}` : `frame ${frame}`;
}
