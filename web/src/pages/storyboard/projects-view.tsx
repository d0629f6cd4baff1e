import { api, upload } from "../../api/client";
import { useQuery } from "../../api/query";
import type { ProjectSummary } from "../../api/types";
import { address, go } from "../../app/router";
import { say, sayError } from "../../app/toasts";
import { ago, count, duration } from "../../app/words";
import { DropZone } from "../../parts/drop";
import { IconButton } from "../../parts/controls";
import { Loading } from "../../parts/feedback";
import { Picture, frameUrl } from "../../parts/image";
import { IdeaBox } from "./idea-box";

/** Where a film begins: an idea, or a film made before. */
export function ProjectsView() {
  const projects = useQuery("projects", () => api.get("/api/v1/projects"), (event) => event.kind === "project");
  return (
    <>
      <header class="top"><h1>Storyboard</h1></header>
      <div class="page">
        <div class="begin">
          <IdeaBox onPlanned={(project) => go("storyboard", project.id)} />
          <OpenFilm />
        </div>
        {projects.data ? <ProjectGrid projects={projects.data} onGone={projects.reload} /> : <Loading error={projects.error} what="your films" retry={projects.reload} />}
      </div>
    </>
  );
}

function OpenFilm() {
  const open = (files: File[]) => void openFile(files[0]).catch(sayError);
  return (
    <DropZone accept=".toml,.gif,.webp,.mp4,.png,.apng,.webm" label="Open a film or clip …" onFiles={open}>
      <p class="quiet">Or go on from a <code>film.toml</code>, or from a clip that sakuga made: its recipe is inside.</p>
    </DropZone>
  );
}

async function openFile(file: File | undefined): Promise<void> {
  if (!file) return;
  const project = file.name.endsWith(".toml")
    ? await api.post("/api/v1/projects", { body: { film: await file.text() } })
    : await api.post("/api/v1/projects", { body: { clip: (await upload(file, file.name)).id } });
  go("storyboard", project.id);
}

function ProjectGrid({ projects, onGone }: { projects: readonly ProjectSummary[]; onGone: () => void }) {
  if (!projects.length) return null;
  const remove = async (project: ProjectSummary) => {
    if (!confirm(`Delete “${project.title || project.idea}” with its takes? Clips in the library stay.`)) return;
    await api.delete("/api/v1/projects/{project}", { path: { project: project.id } });
    say("Film deleted.");
    onGone();
  };
  return (
    <section class="stack wide" aria-label="Your films">
      <h2>Your films</h2>
      <ul class="cards">
        {projects.map((project) => (
          <li key={project.id} class="card">
            <a href={address("storyboard", project.id)}>
              <Picture source={project.cover ? frameUrl(project.cover) : null} width={512} alt="" ratio={1.5} waiting="no take yet" lazy />
              <strong class="clip">{project.title || project.idea}</strong>
              <span class="quiet num">{count(project.shots, "shot")} · {duration(project.seconds)} · {ago(project.updated)}</span>
            </a>
            <IconButton small icon="trash" label={`Delete ${project.title || project.idea}`} onClick={() => void remove(project).catch(sayError)} />
          </li>
        ))}
      </ul>
    </section>
  );
}
