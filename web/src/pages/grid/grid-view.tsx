import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import { jobOf, loadQueue, previewUrl } from "../../api/queue";
import type { Grid, GridCell, Job } from "../../api/types";
import { useShortcuts } from "../../app/keys";
import { address } from "../../app/router";
import { sayError } from "../../app/toasts";
import { count, timeLeft } from "../../app/words";
import { Segmented } from "../../parts/controls";
import { Loading, Note, Progress } from "../../parts/feedback";
import { Icon } from "../../parts/icons";
import { frameUrl, Picture } from "../../parts/image";
import { CellDialog } from "./cell-dialog";

/** A grid as it comes: columns, rows, and one sheet at a time. */
export function GridView({ id }: { id: string }) {
  const query = useQuery(`grid/${id}`, () => api.get("/api/v1/grids/{grid}", { path: { grid: id } }), (event) => (event.kind === "grid" || (event.kind === "job" && event.data["state"] !== "running")) && event.subject === id);
  if (!query.data)
    return (
      <>
        <header class="top"><Back /><h1>Grid</h1></header>
        <div class="page"><Loading error={query.error} what="this grid" retry={query.reload} /></div>
      </>
    );
  return <Loaded grid={query.data} />;
}

function Back() {
  return <a class="button plain icon" href={address("grid")} aria-label="All grids" title="All grids"><Icon name="back" /></a>;
}

function Loaded({ grid }: { grid: Grid }) {
  const [sheet, setSheet] = useState(0);
  const [open, setOpen] = useState<number | null>(null);
  const job = jobOf(grid.id);
  const [columns, rows, sheets] = [grid.axes[0]?.labels ?? [], grid.axes[1]?.labels ?? [""], grid.axes[2]?.labels ?? []];
  const page = columns.length * rows.length;
  const turn = (step: number) => setSheet(Math.max(0, Math.min(sheets.length - 1, sheet + step)));
  const move = (across: number, down: number) => {
    const focused = Number((document.activeElement as HTMLElement | null)?.dataset["number"] ?? -1);
    const place = focused < 0 ? 0 : focused - sheet * page;
    const [column, row] = focused < 0 ? [0, 0] : [clamped((place % columns.length) + across, columns.length), clamped(Math.floor(place / columns.length) + down, rows.length)];
    document.querySelector<HTMLElement>(`[data-number="${sheet * page + row * columns.length + column}"]`)?.focus();
  };
  useShortcuts("Grid", [
    { keys: ["ArrowRight"], does: "Arrows go from cell to cell, Enter opens one", run: () => move(1, 0) },
    { keys: ["ArrowLeft"], does: "Cell before", hidden: true, run: () => move(-1, 0) },
    { keys: ["ArrowDown"], does: "Cell below", hidden: true, run: () => move(0, 1) },
    { keys: ["ArrowUp"], does: "Cell above", hidden: true, run: () => move(0, -1) },
    { keys: ["]"], does: "Next sheet", run: () => turn(1) },
    { keys: ["["], does: "Sheet before", run: () => turn(-1) },
  ]);
  const shown = grid.images.slice(sheet * page, (sheet + 1) * page);
  const next = grid.images.find((cell) => !cell.digest)?.number;
  return (
    <>
      <header class="top">
        <Back />
        <h1 class="grow clip" title={grid.prompt}>{grid.prompt}</h1>
        <div class="row">
          {grid.sheets[sheet] && <a class="button" href={grid.sheets[sheet]} download={`grid-${grid.id}-${sheet + 1}.png`}><Icon name="download" size={16} />Sheet</a>}
          <a class="button" href={address("grid", null, { from: grid.id })}><Icon name="sliders" size={16} />Change and run again</a>
          {job && <Verbs job={job} />}
        </div>
      </header>
      <div class="page stack wide">
        <Status grid={grid} job={job} />
        {sheets.length > 0 && <Segmented label="Sheet" value={String(sheet)} onChange={(value) => setSheet(Number(value))} options={sheets.map((label, place) => [String(place), label] as const)} />}
        <div class="xyz-scroll">
          <table class={`xyz ${grid.axes.length > 1 ? "" : "flat"}`} style={{ "--columns": columns.length }}>
            <thead><tr>{grid.axes.length > 1 && <td />}{columns.map((label) => <th key={label} scope="col" title={label}>{label}</th>)}</tr></thead>
            <tbody>
              {rows.map((label, row) => (
                <tr key={label}>
                  {grid.axes.length > 1 && <th scope="row" title={label}>{label}</th>}
                  {shown.slice(row * columns.length, (row + 1) * columns.length).map((cell) => <td key={cell.number}><Cell cell={cell} job={cell.number === next ? job : null} onOpen={() => setOpen(cell.number)} /></td>)}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </div>
      {open !== null && <CellDialog grid={grid} number={open} onMove={setOpen} onClose={() => setOpen(null)} />}
    </>
  );
}

function clamped(value: number, length: number): number {
  return Math.max(0, Math.min(length - 1, value));
}

/** A cell; the one that is being generated shows how it forms. */
function Cell({ cell, job, onOpen }: { cell: GridCell; job: Job | null; onOpen: () => void }) {
  const words = cell.labels.join(", ");
  const forms = job?.state === "running";
  return (
    <button class="xyz-cell" data-number={cell.number} aria-label={cell.digest ? `Open ${words}` : `${words}, ${forms ? "being generated" : "waiting"}`} disabled={!cell.digest} onClick={onOpen}>
      <Picture source={cell.digest ? frameUrl(cell.digest) : forms ? previewUrl(job) : null} alt="" waiting={forms ? "being generated" : "waiting"} {...(cell.digest ? { width: 512 as const } : {})} />
    </button>
  );
}

function Status({ grid, job }: { grid: Grid; job: Job | null }) {
  if (job?.error) return <Note tone="wrong">{job.error}</Note>;
  if (grid.done >= grid.cells) return <p class="quiet num">{count(grid.cells, "image")} with seed {grid.seed}. Open one to keep it.</p>;
  const words = job?.state === "running" ? timeLeft(job.progress.seconds_left) || "starting" : job?.state === "queued" ? "in the queue" : (job?.state ?? "its job is gone: run it again");
  return (
    <div class="stack">
      <Progress value={job?.state === "running" ? job.progress.share : grid.done / grid.cells} label="Images of the grid" />
      <p class="quiet num" role="status">{grid.done} of {grid.cells} · {words}</p>
    </div>
  );
}

function Verbs({ job }: { job: Job }) {
  const act = (verb: "cancel" | "retry" | "resume") => api.post(`/api/v1/jobs/{job}/${verb}` as "/api/v1/jobs/{job}/cancel", { path: { job: job.id } }).then(() => loadQueue()).catch(sayError);
  if (["running", "queued"].includes(job.state)) return <button class="button" onClick={() => void act("cancel")}><Icon name="close" size={16} />Cancel</button>;
  if (job.state === "paused") return <button class="button main" onClick={() => void act("resume")}><Icon name="play" size={16} />Go on</button>;
  return ["failed", "cancelled"].includes(job.state) ? <button class="button main" onClick={() => void act("retry")}><Icon name="redo" size={16} />Go on</button> : null;
}
