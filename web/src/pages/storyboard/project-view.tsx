import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import type { Project, Shot } from "../../api/types";
import { useShortcuts } from "../../app/keys";
import { address, go } from "../../app/router";
import { Loading, Note } from "../../parts/feedback";
import { Icon } from "../../parts/icons";
import { TextInput } from "../../parts/controls";
import { EditsNote } from "./edits-note";
import { FilmBar } from "./film-bar";
import { shotCommands } from "./shot-commands";
import { ProjectMenu } from "./project-menu";
import { ShotCard } from "./shot-card";

/** One film: its shots in order, each with its takes. */
export function ProjectView({ id }: { id: string }) {
  const query = useQuery(`project/${id}`, () => api.get("/api/v1/projects/{project}", { path: { project: id } }), (event) => event.kind === "project" || event.kind === "take");
  if (!query.data)
    return (
      <>
        <header class="top"><Back /><h1>Storyboard</h1></header>
        <div class="page"><Loading error={query.error} what="this film" retry={query.reload} /></div>
      </>
    );
  return <Loaded project={query.data} onChange={query.set} reload={query.reload} />;
}

function Back() {
  return <a class="button plain icon" href={address("storyboard")} aria-label="All films" title="All films"><Icon name="back" /></a>;
}

function Loaded({ project, onChange, reload }: { project: Project; onChange: (project: Project) => void; reload: () => void }) {
  const [current, setCurrent] = useState<string | undefined>(project.shots[0]?.id);
  const place = useRef(0);
  const commands = useMemo(() => shotCommands(project, onChange, reload), [project, onChange, reload]);
  // A shot that is moved stays current; when it is removed, the one that takes its place is.
  const shot = project.shots.find((one) => one.id === current) ?? project.shots[Math.min(place.current, project.shots.length - 1)];
  const index = shot ? project.shots.indexOf(shot) : 0;
  place.current = index;

  const wanted = useRef<string | null>(null);
  const reveal = (id: string | undefined) => {
    wanted.current = id ?? null;
    requestAnimationFrame(() => focusShot(wanted));
  };
  useEffect(() => focusShot(wanted), [project.shots]);
  const revealAt = (number: number) => reveal(project.shots[Math.max(0, Math.min(project.shots.length - 1, number))]?.id);
  const withShot = (act: (shot: Shot) => void) => () => { if (shot) act(shot); };
  useShortcuts("Storyboard", [
    { keys: ["ArrowDown", "j"], does: "Next shot", run: () => revealAt(index + 1) },
    { keys: ["ArrowUp", "k"], does: "Shot before", run: () => revealAt(index - 1) },
    { keys: ["Alt+ArrowUp"], does: "Move the shot up", run: withShot((one) => void commands.move(one, -1).then(() => reveal(one.id))) },
    { keys: ["Alt+ArrowDown"], does: "Move the shot down", run: withShot((one) => void commands.move(one, 1).then(() => reveal(one.id))) },
    { keys: ["t"], does: "Preview four more takes", run: withShot((one) => void commands.takes(one, 4)) },
    { keys: ["1"], does: "1 to 9: approve that take of the shot", run: withShot((one) => commands.approveNth(one, 0)) },
    ...[2, 3, 4, 5, 6, 7, 8, 9].map((nth) => ({ keys: [String(nth)], does: `Approve take ${nth}`, hidden: true, run: withShot((one) => commands.approveNth(one, nth - 1)) })),
    { keys: ["Enter"], does: "Edit the prompt (Esc leaves it)", run: withShot((one) => document.querySelector<HTMLElement>(`#shot-${one.id} textarea`)?.focus()) },
    { keys: ["Escape"], does: "Leave a field", hidden: true, run: withShot((one) => document.getElementById(`shot-${one.id}`)?.focus()) },
    { keys: ["l"], does: "Lock or unlock the seed", run: withShot((one) => void commands.edit(one, { seed_locked: !one.seed_locked })) },
    { keys: ["n"], does: "Add a shot after this one", run: () => void commands.add(shot ?? null).then((added) => reveal(added?.id)) },
    { keys: ["d"], does: "Duplicate the shot", run: withShot((one) => void commands.duplicate(one).then((added) => reveal(added?.id))) },
    { keys: ["Delete"], does: "Remove the shot", run: withShot((one) => void commands.remove(one)) },
    { keys: ["Ctrl+Enter"], does: "Render the film", run: () => void commands.render("final") },
  ]);

  return (
    <>
      <header class="top">
        <Back />
        <h1 class="grow"><span class="spoken">{project.title || project.idea}</span>
          <span class="title-edit"><TextInput label="Title of the film" value={project.title || project.idea} onCommit={(title) => void commands.change({ title })} /></span>
        </h1>
        <ProjectMenu project={project} commands={commands} onOpen={(clip) => go("timeline", clip)} />
      </header>
      <div class="page board">
        <FilmBar project={project} current={index} onPick={revealAt} />
        <EditsNote project={project} onChange={onChange} />
        {project.notes.length > 0 && <Note tone="warn">{project.notes.map((note) => <p key={note}>{note}</p>)}</Note>}
        <ol class="shots">
          {project.shots.map((one, number) => (
            <ShotCard key={one.id} shot={one} index={number} last={number === project.shots.length - 1} project={project} commands={commands} current={number === index} onCurrent={() => setCurrent(one.id)} />
          ))}
        </ol>
        <button class="button add-shot" onClick={() => void commands.add(null)}><Icon name="plus" size={16} />Add a shot</button>
      </div>
    </>
  );
}

/** Focus a shot once it stands on the page; one that was just added comes a moment later. */
function focusShot(wanted: { current: string | null }): void {
  const card = wanted.current && document.getElementById(`shot-${wanted.current}`);
  if (!card) return;
  wanted.current = null;
  card.focus();
}
