import { api } from "../../api/client";
import { loadQueue } from "../../api/queue";
import type { Format, Project, Shot, ShotFields } from "../../api/types";
import { say, sayError } from "../../app/toasts";
import { mergedTakes } from "./takes";

export type ShotCommands = ReturnType<typeof shotCommands>;
type ProjectChange = { title: string } | { settings: Record<string, unknown> } | { bible: Partial<Project["bible"]> };

/** Everything that can be done to a film's shots. A refusal is said and leaves the film as it was. */
export function shotCommands(project: Project, show: (project: Project) => void, reload: () => void) {
  const attempt = async <T>(work: () => Promise<T>): Promise<T | null> => {
    try {
      return await work();
    } catch (error) {
      sayError(error);
      reload();
      return null;
    }
  };
  const showing = (work: () => Promise<Project>) => attempt(async () => show(await work()));
  const withShot = (changed: Shot) => ({ ...project, shots: project.shots.map((shot) => (shot.id === changed.id ? changed : shot)) });
  const path = { project: project.id };

  const commands = {
    change: (change: ProjectChange) =>
      showing(() => api.patch("/api/v1/projects/{project}", { path, body: "bible" in change ? { bible: { ...project.bible, ...change.bible } } : change })),
    edit: (shot: Shot, fields: Partial<ShotFields>) =>
      attempt(async () => {
        show(withShot({ ...shot, ...(fields as Partial<Shot>) }));
        await api.patch("/api/v1/shots/{shot}", { path: { shot: shot.id }, body: fields });
        reload();
      }),
    add: (after: Shot | null) =>
      attempt(async () => {
        const before = after ?? project.shots.at(-1);
        const added = await api.post("/api/v1/projects/{project}/shots", { path, body: { prompt: before?.prompt ?? project.idea, seconds: before?.seconds ?? 2, after: after?.id ?? null } });
        reload();
        return added;
      }),
    duplicate: (shot: Shot) =>
      attempt(async () => {
        const added = await api.post("/api/v1/projects/{project}/shots", { path, body: { copy_of: shot.id, after: shot.id } });
        reload();
        return added;
      }),
    remove: (shot: Shot) =>
      attempt(async () => {
        const place = project.shots.indexOf(shot);
        if (project.shots.length === 1) return say("A film needs at least one shot.");
        show({ ...project, shots: project.shots.filter((other) => other.id !== shot.id) });
        await api.delete("/api/v1/shots/{shot}", { path: { shot: shot.id } });
        reload();
        say(`Shot ${place + 1} removed.`, { action: { label: "Undo", run: () => void commands.restore(shot, place) } });
      }),
    restore: (shot: Shot, place: number) =>
      attempt(async () => {
        const after = project.shots[place - 1]?.id ?? null;
        const added = await api.post("/api/v1/projects/{project}/shots", { path, body: { ...fieldsOf(shot), after } });
        if (place === 0) await api.put("/api/v1/projects/{project}/order", { path, body: { shots: [added.id, ...project.shots.filter((other) => other.id !== shot.id).map((other) => other.id)] } });
        reload();
      }),
    /** Put the shot `by` places further down; the others close up. */
    move: (shot: Shot, by: number) => commands.place(shot, project.shots.indexOf(shot) + by),
    place: (shot: Shot, to: number) => {
      const shots = project.shots.filter((other) => other.id !== shot.id);
      shots.splice(Math.max(0, Math.min(shots.length, to)), 0, shot);
      show({ ...project, shots });
      return showing(() => api.put("/api/v1/projects/{project}/order", { path, body: { shots: shots.map((one) => one.id) } }));
    },
    takes: (shot: Shot, count: number, quality: "preview" | "final" = "preview", seeds: number[] | null = null) =>
      attempt(async () => {
        await api.post("/api/v1/shots/{shot}/takes", { path: { shot: shot.id }, body: { count, quality, seeds } });
        void loadQueue();
        reload();
      }),
    takesForAll: async () => {
      for (const shot of project.shots) if (!shot.approved) await commands.takes(shot, 4);
    },
    approve: (take: string) => showing(() => api.post("/api/v1/takes/{take}/approve", { path: { take: take } })),
    withdraw: (take: string) => showing(() => api.delete("/api/v1/takes/{take}/approve", { path: { take: take } })),
    discard: (take: string) =>
      attempt(async () => {
        await api.delete("/api/v1/takes/{take}", { path: { take: take } });
        reload();
      }),
    approveNth: (shot: Shot, nth: number) => {
      const take = mergedTakes(shot.takes)[nth];
      if (take?.state === "done") void (take.approved ? commands.withdraw(take.id) : commands.approve(take.id));
    },
    render: (quality: "preview" | "final", format: Format = "gif") =>
      attempt(async () => {
        const job = await api.post("/api/v1/projects/{project}/render", { path, body: { quality, format } });
        void loadQueue();
        say(quality === "preview" ? "The preview is in the queue." : "The film is in the queue.", { action: { label: "Show", run: () => (location.hash = "#/queue") } });
        return job;
      }),
  };
  return commands;
}

/** What a shot is made of, without its takes. */
function fieldsOf({ prompt, seconds, seed, seed_locked, camera, transition, ease, hold, negative, ...shot }: Shot): Partial<ShotFields> {
  const { strength = null, guidance = null, steps = null, control_weight = null, style = null, on = null } = shot;
  return { prompt, seconds, seed, seed_locked, camera, transition, ease, hold, negative, strength, guidance, steps, control_weight, style, on };
}
