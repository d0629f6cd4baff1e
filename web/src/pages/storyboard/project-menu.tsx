import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import { running, unfinished } from "../../api/queue";
import type { Project } from "../../api/types";
import { timeLeft } from "../../app/words";
import { Icon } from "../../parts/icons";
import { FilmDialog } from "./film-dialog";
import { FilmTextDialog } from "./film-text-dialog";
import type { ShotCommands } from "./shot-commands";

/** What is done to the whole film. */
export function ProjectMenu({ project, commands, onOpen }: { project: Project; commands: ShotCommands; onOpen: (clip: string) => void }) {
  const [open, setOpen] = useState<"film" | "text" | null>(null);
  const clips = useQuery(`clips/${project.id}`, () => api.get("/api/v1/clips", { query: { project: project.id } }), (event) => event.kind === "clip");
  const newest = clips.data?.[0];
  const job = unfinished.value.find((one) => one.project === project.id && one.kind === "render");
  const working = job && running.value.includes(job);
  return (
    <div class="row">
      <button class="button" onClick={() => setOpen("film")}><Icon name="sliders" size={16} />Film</button>
      {newest && <button class="button" onClick={() => onOpen(newest.id)}><Icon name="film" size={16} />Open the clip</button>}
      <button class="button" onClick={() => void commands.takesForAll()}>Takes for all</button>
      <button class="button" onClick={() => void commands.render("preview")}>Preview</button>
      <button class="button main render" disabled={Boolean(job)} onClick={() => void commands.render("final")}>
        {job ? (working ? timeLeft(job.progress.seconds_left) || "Rendering …" : "In the queue") : "Render film"}
      </button>
      {open === "film" && <FilmDialog project={project} commands={commands} onText={() => setOpen("text")} onClose={() => setOpen(null)} />}
      {open === "text" && <FilmTextDialog project={project} onClose={() => setOpen(null)} />}
    </div>
  );
}
