import { useEffect, useState } from "preact/hooks";
import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import { start } from "../../api/queue";
import type { GridSummary } from "../../api/types";
import { useShortcuts } from "../../app/keys";
import { address, go } from "../../app/router";
import { say, sayError } from "../../app/toasts";
import { ago, count } from "../../app/words";
import { Field, IconButton, NumberInput, Select } from "../../parts/controls";
import { Loading, Note } from "../../parts/feedback";
import { Icon } from "../../parts/icons";
import { frameUrl, Picture } from "../../parts/image";
import { OptionField } from "../../parts/option-field";
import { AxisRow, EMPTY_AXIS, valuesOf, type AxisDraft } from "./axis-row";

const AXES = [["Columns", "X"], ["Rows", "Y, may stay empty"], ["Sheets", "Z, may stay empty"]] as const;
const MOST = 400;

interface Draft {
  prompt: string;
  seed: number;
  axes: readonly AxisDraft[];
  settings: Record<string, unknown>;
}

const FIRST: Draft = {
  prompt: "a castle by the sea at sunset",
  seed: 0,
  axes: [{ name: "steps", values: "4, 10, 20" }, { name: "style", values: "" }, EMPTY_AXIS],
  settings: {},
};

/** What to compare, and the grids made before; `from` takes over what a grid was made with. */
export function BeginView({ from }: { from: string | null }) {
  const [draft, setDraft] = useState<Draft>(FIRST);
  const [wrong, setWrong] = useState("");
  const options = useQuery("options", () => api.get("/api/v1/options"));
  const styles = useQuery("styles", () => api.get("/api/v1/styles"), (event) => event.kind === "style");
  const models = useQuery("models", () => api.get("/api/v1/models"));
  const grids = useQuery("grids", () => api.get("/api/v1/grids"), (event) => event.kind === "grid");
  useEffect(() => { if (from) void api.get("/api/v1/grids/{grid}", { path: { grid: from } }).then((grid) => setDraft(draftOf(grid))).catch(sayError); }, [from]);
  const change = (part: Partial<Draft>) => { setWrong(""); setDraft({ ...draft, ...part }); };
  const used = draft.axes.filter((axis) => valuesOf(axis).length);
  const cells = used.reduce((product, axis) => product * valuesOf(axis).length, 1);
  const ready = draft.prompt.trim() !== "" && valuesOf(draft.axes[0] ?? EMPTY_AXIS).length > 0 && cells <= MOST;
  const run = async () => {
    if (!ready) return;
    const settings = Object.fromEntries(Object.entries(draft.settings).filter(([, value]) => value !== null && value !== ""));
    try {
      const axes = used.map((axis) => `${axis.name}=${valuesOf(axis).join(",")}`);
      go("grid", (await start({ kind: "grid", prompt: draft.prompt.trim(), axes, seed: draft.seed, settings })).id);
    } catch (error) {
      setWrong((error as Error).message);
    }
  };
  useShortcuts("Grid", [
    { keys: ["Ctrl+Enter"], does: "Generate the grid", run: () => void run() },
    { keys: ["p"], does: "Go to the prompt", run: () => document.getElementById("grid-prompt")?.focus() },
  ]);
  const axisNames = used.map((axis) => axis.name);
  const fixed = (options.data?.grid ?? []).filter((option) => !["prompt", "seed", "model"].includes(option.name) && !axisNames.includes(option.name));
  return (
    <>
      <header class="top"><h1>Grid</h1></header>
      <div class="page">
        <form class="grid-begin" onSubmit={(event) => { event.preventDefault(); void run(); }}>
          <div class="stack wide">
            <div class="stack">
              <label for="grid-prompt"><h2>What do the images show?</h2></label>
              <textarea id="grid-prompt" class="input" rows={2} value={draft.prompt} onInput={(event) => change({ prompt: event.currentTarget.value })} />
              <p class="quiet">One prompt and one seed with every combination of options, so that what differs is the option.</p>
            </div>
            {!options.data ? <Loading error={options.error} what="the options" retry={options.reload} /> : (
              <>
                {AXES.map(([title, hint], place) => (
                  <AxisRow key={title} title={title} hint={hint} axis={draft.axes[place] ?? EMPTY_AXIS} options={options.data?.grid ?? []} prompt={draft.prompt}
                    taken={draft.axes.flatMap((axis, other) => (other === place || !axis.name ? [] : [axis.name]))} styles={(styles.data ?? []).map((style) => style.name)}
                    onChange={(axis) => change({ axes: draft.axes.map((old, other) => (other === place ? axis : old)) })} />
                ))}
                <details>
                  <summary>What stays the same in all of them</summary>
                  <div class="grid-3 options">
                    <Field label="Seed">{(id) => <NumberInput id={id} value={draft.seed} min={0} onCommit={(seed) => change({ seed })} />}</Field>
                    <Field label="Model">{(id) => <Select id={id} value={String(draft.settings["model"] ?? "sketchbook")} options={(models.data ?? [{ name: "sketchbook" }]).map((one) => [one.name, one.name.split("/").at(-1) ?? one.name] as const)} onChange={(model) => change({ settings: { ...draft.settings, model: model === "sketchbook" ? null : model } })} />}</Field>
                    {fixed.map((option) => <OptionField key={option.name} option={option} value={draft.settings[option.name]} onChange={(value) => change({ settings: { ...draft.settings, [option.name]: value } })} />)}
                  </div>
                </details>
              </>
            )}
            {wrong && <Note tone="wrong">{wrong}</Note>}
            <div class="row wide">
              <button class="button main" type="submit" disabled={!ready}><Icon name="grid" size={16} />Generate {count(cells, "image")}</button>
              <span class="quiet num">{cells > MOST ? `A grid has at most ${MOST} images: take fewer values.` : sizes(used)}</span>
            </div>
          </div>
        </form>
        {grids.data ? <Grids grids={grids.data} onGone={grids.reload} /> : <Loading error={grids.error} what="your grids" retry={grids.reload} />}
      </div>
    </>
  );
}

function sizes(axes: readonly AxisDraft[]): string {
  return axes.length ? axes.map((axis) => count(valuesOf(axis).length, `value of ${axis.name.replaceAll("_", " ")}`, `values of ${axis.name.replaceAll("_", " ")}`)).join(" × ") : "";
}

function draftOf(grid: { prompt: string; seed: number; settings: Record<string, unknown>; axes: { name: string; values: string[] }[] }): Draft {
  const axes = grid.axes.map((axis) => ({ name: axis.name, values: axis.values.join(", ") }));
  return { prompt: grid.prompt, seed: grid.seed, settings: grid.settings, axes: [...axes, EMPTY_AXIS, EMPTY_AXIS].slice(0, 3) };
}

function Grids({ grids, onGone }: { grids: readonly GridSummary[]; onGone: () => void }) {
  if (!grids.length) return null;
  const remove = async (grid: GridSummary) => {
    if (!confirm(`Delete the grid “${grid.title}”? Its images stay in the store until it is cleaned.`)) return;
    await api.delete("/api/v1/grids/{grid}", { path: { grid: grid.id } });
    say("Grid deleted.");
    onGone();
  };
  return (
    <section class="stack wide" aria-label="Your grids">
      <h2>Your grids</h2>
      <ul class="cards small">
        {grids.map((grid) => (
          <li key={grid.id} class="card">
            <a href={address("grid", grid.id)}>
              <Picture source={grid.cover ? frameUrl(grid.cover) : null} width={256} alt="" waiting="no image yet" lazy />
              <strong class="clip">{grid.title}</strong>
              <span class="quiet num">{grid.done < grid.cells ? `${grid.done} of ${grid.cells}` : count(grid.cells, "image")} · {ago(grid.created)}</span>
            </a>
            <IconButton small icon="trash" label={`Delete ${grid.title}`} onClick={() => void remove(grid).catch(sayError)} />
          </li>
        ))}
      </ul>
    </section>
  );
}
