import { useEffect, useState } from "preact/hooks";
import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import type { Grid, GridCell, ShotFields } from "../../api/types";
import { go } from "../../app/router";
import { say, sayError } from "../../app/toasts";
import { Field, IconButton, Select } from "../../parts/controls";
import { Compare } from "../../parts/compare";
import { Dialog } from "../../parts/dialog";
import { frameUrl } from "../../parts/image";

/** A cell in full: what it is made with, another one beside it, and what to keep it as. */
export function CellDialog({ grid, number, onMove, onClose }: { grid: Grid; number: number; onMove: (number: number) => void; onClose: () => void }) {
  const [other, setOther] = useState("");
  const there = grid.images.filter((cell) => cell.digest);
  const place = there.findIndex((cell) => cell.number === number);
  const cell = there[place];
  const turn = (step: number) => { const next = there[place + step]; if (next) onMove(next.number); };
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.target instanceof HTMLElement && event.target.matches("select, input")) return;
      if (event.key === "ArrowRight" || event.key === "ArrowLeft") { event.preventDefault(); turn(event.key === "ArrowRight" ? 1 : -1); }
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });
  if (!cell?.digest) return null;
  const beside = there.find((one) => String(one.number) === other && one.number !== number);
  const words = (one: GridCell) => one.labels.join(", ");
  return (
    <Dialog title={words(cell)} large onClose={onClose} footer={<>
      <span class="row tight grow"><IconButton icon="back" label="Cell before (←)" disabled={place === 0} onClick={() => turn(-1)} /><IconButton icon="forward" label="Next cell (→)" disabled={place === there.length - 1} onClick={() => turn(1)} /><span class="faint num">{place + 1} of {there.length}</span></span>
      <a class="button" href={frameUrl(cell.digest)} download={`cell-${number + 1}.png`}>Download</a>
    </>}>
      <div class="cell-view">
        {beside?.digest ? <Compare a={frameUrl(cell.digest)} b={frameUrl(beside.digest)} names={[words(cell), words(beside)]} /> : <img class="whole" src={frameUrl(cell.digest)} alt={`${cell.prompt}, ${words(cell)}`} />}
        <div class="stack wide">
          <Field label="Compare with">{(id) => <Select id={id} value={beside ? other : ""} onChange={setOther} options={[["", "Nothing"] as const, ...there.filter((one) => one.number !== number).map((one) => [String(one.number), words(one)] as const)]} />}</Field>
          <table class="plain"><tbody>
            {Object.entries({ prompt: cell.prompt, seed: cell.seed, ...cell.settings }).map(([key, value]) => <tr key={key}><th scope="row">{key.replaceAll("_", " ")}</th><td class="num">{String(value)}</td></tr>)}
          </tbody></table>
          <Keep grid={grid} cell={cell} />
        </div>
      </div>
    </Dialog>
  );
}

/** Keys of a cell that a shot has of its own; the others are the film's. */
const SHOT_KEYS = ["style", "negative", "steps", "guidance"] as const;

function Keep({ grid, cell }: { grid: Grid; cell: GridCell }) {
  const [chosen, setChosen] = useState("");
  const projects = useQuery("projects", () => api.get("/api/v1/projects"), (event) => event.kind === "project");
  const film = projects.data?.find((one) => one.id === chosen) ?? projects.data?.[0];
  const title = film ? film.title || film.idea : "";
  const style = cell.settings["style"];
  const attempt = (work: () => Promise<void>) => void work().catch(sayError);
  const begin = async () => go("storyboard", (await api.post("/api/v1/grids/{grid}/cells/{number}/film", { path: { grid: grid.id, number: cell.number } })).id);
  const addShot = async (project: string) => {
    const own = Object.fromEntries(SHOT_KEYS.flatMap((key) => (cell.settings[key] === undefined ? [] : [[key, cell.settings[key]]]))) as Partial<ShotFields>;
    await api.post("/api/v1/projects/{project}/shots", { path: { project }, body: { prompt: cell.prompt, seed: cell.seed, seed_locked: true, seconds: 2, ...own } });
    say(`The last shot of “${title}” has this prompt, seed and look.`, { action: { label: "Open", run: () => go("storyboard", project) } });
  };
  const apply = async (project: string, settings: Record<string, unknown>, words: string) => {
    await api.patch("/api/v1/projects/{project}", { path: { project }, body: { settings } });
    say(words, { action: { label: "Open", run: () => go("storyboard", project) } });
  };
  return (
    <section class="stack" aria-label="Keep it">
      <h3>Keep it</h3>
      <button class="button main" onClick={() => attempt(begin)}>Begin a film with it</button>
      {film && (
        <>
          <Field label="Or in a film that you have">{(id) => <Select id={id} value={film.id} onChange={setChosen} options={(projects.data ?? []).map((one) => [one.id, one.title || one.idea] as const)} />}</Field>
          <button class="button" onClick={() => attempt(() => addShot(film.id))}>Add it as a shot</button>
          <button class="button" onClick={() => attempt(() => apply(film.id, cell.settings, `“${title}” has the settings of this cell.`))}>Use its settings for the whole film</button>
          {typeof style === "string" && style !== "" && <button class="button" onClick={() => attempt(() => apply(film.id, { style }, `“${title}” is in ${style}.`))}>Use the style {style} for the whole film</button>}
        </>
      )}
    </section>
  );
}
