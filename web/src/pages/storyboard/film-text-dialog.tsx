import { useEffect, useRef, useState } from "preact/hooks";
import { api, Refusal } from "../../api/client";
import type { Project } from "../../api/types";
import { say, sayError } from "../../app/toasts";
import { Dialog } from "../../parts/dialog";
import { Note } from "../../parts/feedback";

/** The film as the text of its file; an error is shown at its line. */
export function FilmTextDialog({ project, onClose }: { project: Project; onClose: () => void }) {
  const [text, setText] = useState<string | null>(null);
  const [wrong, setWrong] = useState<Refusal | null>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  const path = { project: project.id };
  useEffect(() => void api.get("/api/v1/projects/{project}/film", { path }).then((film) => setText(film.text)).catch(sayError), []);
  const keep = async () => {
    try {
      await api.put("/api/v1/projects/{project}/film", { path, body: { text: text ?? "" } });
      say("The film is changed.");
      onClose();
    } catch (error) {
      if (!(error instanceof Refusal)) return sayError(error);
      setWrong(error);
      if (error.line) select(area.current, error.line);
    }
  };
  return (
    <Dialog title="film.toml" large onClose={onClose} footer={<>
      <a class="button" href={`/api/v1/projects/${project.id}/film.toml`} download>Download</a>
      <button class="button main" disabled={text === null} onClick={() => void keep()}>Use this text</button>
    </>}>
      {wrong && <Note tone="wrong">{wrong.line ? `Line ${wrong.line}: ` : ""}{wrong.message}</Note>}
      <textarea ref={area} class="input mono film-text" aria-label="Text of film.toml" spellcheck={false} value={text ?? ""} onInput={(event) => setText(event.currentTarget.value)} />
    </Dialog>
  );
}

function select(area: HTMLTextAreaElement | null, line: number): void {
  if (!area) return;
  const lines = area.value.split("\n");
  const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
  area.focus();
  area.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  area.scrollTop = Math.max(0, (line - 4) * 16);
}
