import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { api, Refusal } from "../../api/client";
import { useQuery } from "../../api/query";
import { loadQueue } from "../../api/queue";
import type { ChooseNode, ChooseState, Decision, Format } from "../../api/types";
import { useShortcuts } from "../../app/keys";
import { address } from "../../app/router";
import { say, sayError } from "../../app/toasts";
import { count } from "../../app/words";
import { Compare } from "../../parts/compare";
import { IconButton } from "../../parts/controls";
import { Dialog } from "../../parts/dialog";
import { Loading, Note } from "../../parts/feedback";
import { Icon } from "../../parts/icons";
import { frameUrl, Picture } from "../../parts/image";
import { ExportChoices } from "./export-choices";
import { OtherWay } from "./other-way";
import { TreeMap } from "./tree-map";
import { pathTo } from "./tree-layout";
import { Variant } from "./variant";

/** Begin a new session from the last image of one that cannot be opened any more. */
function BeginAgain({ id }: { id: string }) {
  const sessions = useQuery("choose", () => api.get("/api/v1/choose"));
  const cover = sessions.data?.find((session) => session.id === id)?.cover;
  if (!cover) return null;
  return (
    <div class="begin-again">
      <Picture source={frameUrl(cover)} width={256} alt="The session's last image" />
      <a class="button main" href={address("choose", null, { image: cover })}>Begin from this image</a>
    </div>
  );
}

export function SessionView({ id }: { id: string }) {
  const path = { session: id };
  const query = useQuery(`choose/${id}`, () => api.get("/api/v1/choose/{session}", { path }), (event) => event.kind === "choose" && event.subject === id);
  const decide = async (decision: Decision) => {
    try {
      query.set(await api.post("/api/v1/choose/{session}/decide", { path, body: decision }));
    } catch (error) {
      sayError(error);
      query.reload();
    }
  };
  if (query.data) return <Loaded state={query.data} decide={decide} />;
  return (
    <>
      <header class="top"><Back /><h1>Choose</h1></header>
      <div class="page">
        <Loading error={query.error} what="this session" retry={query.reload} />
        {query.error instanceof Refusal && query.error.code === "conflict" && <BeginAgain id={id} />}
      </div>
    </>
  );
}

function Back() {
  return <a class="button plain icon" href={address("choose")} aria-label="All sessions" title="All sessions"><Icon name="back" /></a>;
}

function Loaded({ state, decide }: { state: ChooseState; decide: (decision: Decision) => Promise<void> }) {
  const [picked, setPicked] = useState<readonly number[]>([]);
  const [open, setOpen] = useState<"compare" | "other" | "export" | null>(null);
  const nodes = useMemo(() => new Map(state.nodes.map((node) => [node.id, node])), [state.nodes]);
  const current = nodes.get(state.current);
  const shown = state.shown.flatMap((id) => nodes.get(id) ?? []);
  const path = pathTo(nodes, state.current);
  const pick = (id: number) => setPicked(picked.includes(id) ? picked.filter((one) => one !== id) : [...picked, id].slice(-2));
  const take = (nth: number) => { const node = shown[nth]; if (node?.digest) void decide({ kind: "take", node: node.id }); };
  const focusedNode = () => Number(document.activeElement?.closest<HTMLElement>("[data-node]")?.dataset["node"] ?? Number.NaN);
  const onFocused = (act: (id: number) => void) => () => { const id = focusedNode(); if (Number.isFinite(id)) act(id); };
  const [first, second] = picked.flatMap((id) => nodes.get(id) ?? []);
  const comparable = first?.digest && second?.digest;
  const exportClip = async (format: Format) => {
    try {
      await api.post("/api/v1/choose/{session}/export", { path: { session: state.id }, body: { format } });
      void loadQueue();
      say("The clip is in the queue.", { action: { label: "Show", run: () => (location.hash = "#/queue") } });
      setOpen(null);
    } catch (error) {
      sayError(error);
    }
  };
  useShortcuts("Choose", [
    { keys: ["1"], does: "1 to 9: take that image", run: () => take(0) },
    ...[2, 3, 4, 5, 6, 7, 8, 9].map((nth) => ({ keys: [String(nth)], does: `Take image ${nth}`, hidden: true, run: () => take(nth - 1) })),
    { keys: ["u", "Ctrl+z"], does: "Undo", run: () => { if (state.can_undo) void decide({ kind: "undo" }); } },
    { keys: ["Shift+u", "Ctrl+Shift+z", "Ctrl+y"], does: "Redo", run: () => { if (state.can_redo) void decide({ kind: "redo" }); } },
    { keys: ["r"], does: "Reroll with other seeds", run: () => void decide({ kind: "reroll" }) },
    { keys: ["b"], does: "One image back", run: () => { if (current?.parent !== null && current) void decide({ kind: "jump", node: current.parent }); } },
    { keys: ["p"], does: "Pin the image in focus", run: onFocused((id) => void decide({ kind: "pin", node: id, pinned: !nodes.get(id)?.pinned })) },
    { keys: ["d", "Delete"], does: "Discard the image in focus", run: onFocused((id) => void decide({ kind: "discard", node: id, discarded: !nodes.get(id)?.discarded })) },
    { keys: ["x"], does: "Pick the image in focus to compare", run: onFocused(pick) },
    { keys: ["c"], does: "Compare the two picked", run: () => { if (comparable) setOpen("compare"); } },
    { keys: ["Space"], does: "Go on until I choose", run: () => void decide({ kind: "go_on", on: !state.going_on }) },
    { keys: ["e"], does: "Make a clip of the way", run: () => setOpen("export") },
  ]);
  return (
    <>
      <header class="top">
        <Back />
        <h1 class="grow clip">{state.title || "Choose"}</h1>
        <div class="row">
          <IconButton icon="undo" label="Undo" disabled={!state.can_undo} onClick={() => void decide({ kind: "undo" })} />
          <IconButton icon="redo" label="Redo" disabled={!state.can_redo} onClick={() => void decide({ kind: "redo" })} />
          <button class="button" disabled={!comparable} onClick={() => setOpen("compare")}><Icon name="compare" size={16} />Compare</button>
          <button class="button" onClick={() => setOpen("other")}>Another way …</button>
          <button class="button" aria-pressed={state.going_on} onClick={() => void decide({ kind: "go_on", on: !state.going_on })}><Icon name={state.going_on ? "pause" : "forward"} size={16} />Go on until I choose</button>
          <button class="button main" disabled={path.length < 2} onClick={() => setOpen("export")}><Icon name="film" size={16} />Make a clip</button>
        </div>
      </header>
      <div class="page flush choose">
        <div class="choose-top">
          <Way path={path} onJump={(node) => void decide({ kind: "jump", node })} />
          <section class="stack" aria-label="Choose the next image">
            {state.error && <Note tone="wrong"><p>{state.error}</p><button class="button small" onClick={() => void decide({ kind: "retry" })}>Try again</button></Note>}
            <div class="row"><h2>Which comes next?</h2><button class="button small push" onClick={() => void decide({ kind: "reroll" })}><Icon name="dice" size={16} />Reroll</button></div>
            <ul class="variants" style={gridOf(shown.length)}>
              {shown.map((node, nth) => (
                <Variant key={node.id} node={node} nth={nth} likelihood={state.likelihood[nth] ?? null} picked={picked.includes(node.id)} onTake={() => take(nth)} onPin={() => void decide({ kind: "pin", node: node.id, pinned: !node.pinned })} onDiscard={() => void decide({ kind: "discard", node: node.id, discarded: true })} onPick={() => pick(node.id)} />
              ))}
            </ul>
          </section>
        </div>
        <TreeMap state={state} nodes={nodes} onJump={(node) => void decide({ kind: "jump", node })} />
      </div>
      {open === "compare" && first?.digest && second?.digest && <Dialog title="Compare" large onClose={() => setOpen(null)}><Compare a={frameUrl(first.digest)} b={frameUrl(second.digest)} names={[`Image ${first.id}`, `Image ${second.id}`]} /></Dialog>}
      {open === "other" && <OtherWay onClose={() => setOpen(null)} onReroll={(move) => { setOpen(null); void decide({ kind: "reroll", move }); }} />}
      {open === "export" && <ExportChoices path={path} session={state.id} onClose={() => setOpen(null)} onExport={(format) => void exportClip(format)} />}
    </>
  );
}

/** The images chosen so far; the last one is where the next ones start from. */
function Way({ path, onJump }: { path: readonly ChooseNode[]; onJump: (node: number) => void }) {
  const last = path.at(-1);
  const row = useRef<HTMLOListElement>(null);
  useEffect(() => row.current?.scrollTo({ left: row.current.scrollWidth }), [path.length]);
  return (
    <section class="way-row" aria-label="Chosen so far">
      <ol ref={row}>
        {path.map((node, place) => (
          <li key={node.id}>
            <button aria-label={node === last ? "The image chosen now" : `Back to image ${place + 1} of the way`} aria-current={node === last ? "true" : undefined} disabled={node === last} onClick={() => onJump(node.id)}>
              <Picture source={node.digest ? frameUrl(node.digest) : null} width={128} alt="" waiting="…" />
            </button>
          </li>
        ))}
      </ol>
      <p class="quiet num">{path.length > 1 ? `${count(path.length - 1, "choice")} so far` : "Begins here"}</p>
    </section>
  );
}

/** Columns and rows for so many images, so that they fill the window without scrolling. */
function gridOf(count: number): Record<string, string> {
  const columns = count <= 5 ? Math.max(2, count) : Math.ceil(count / 2);
  return { "--columns": String(columns), "--rows": String(Math.max(1, Math.ceil(count / columns))) };
}
