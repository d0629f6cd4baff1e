import { useEffect, useMemo, useState } from "preact/hooks";
import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import { unfinished } from "../../api/queue";
import type { Timeline } from "../../api/types";
import { useShortcuts } from "../../app/keys";
import { address, go } from "../../app/router";
import { sayError } from "../../app/toasts";
import { count, duration, timeLeft } from "../../app/words";
import { Loading } from "../../parts/feedback";
import { Icon } from "../../parts/icons";
import { Player } from "../../parts/player";
import { Strip, type StripFrame } from "../../parts/strip";
import { ExportDialog } from "./export-dialog";
import { Inspector } from "./inspector";
import { Transport } from "./transport";

/** One clip in time. */
export function ClipView({ id, frame }: { id: string; frame: number }) {
  const query = useQuery(`timeline/${id}`, () => api.get("/api/v1/clips/{clip}/timeline", { path: { clip: id } }), (event) => event.kind === "clip" && event.subject === id);
  if (query.data) return <Loaded timeline={query.data} start={frame} onChange={query.set} />;
  return (
    <>
      <header class="top"><Back /><h1>Timeline</h1></header>
      <div class="page"><Loading error={query.error} what="this clip" retry={query.reload} /></div>
    </>
  );
}

function Back() {
  return <a class="button plain icon" href={address("timeline")} aria-label="All clips" title="All clips"><Icon name="back" /></a>;
}

function Loaded({ timeline, start, onChange }: { timeline: Timeline; start: number; onChange: (timeline: Timeline) => void }) {
  const { clip, frames, fps } = timeline;
  const inside = (place: number) => Math.max(0, Math.min(frames.length - 1, place || 0));
  const [index, setIndex] = useState(inside(start));
  const [anchor, setAnchor] = useState<number | null>(null);
  const [playing, setPlaying] = useState(false);
  const [loop, setLoop] = useState(true);
  const [speed, setSpeed] = useState(1);
  const [exposure, setExposure] = useState(1);
  const [onion, setOnion] = useState(0);
  const [exporting, setExporting] = useState(false);
  const sources = useMemo(() => frames.map((_, place) => frames[place - (place % exposure)]?.image ?? ""), [frames, exposure]);
  const strip = useMemo(() => frames.map(stripFrame), [frames]);
  const range: readonly [number, number] = anchor === null ? [index, index] : [Math.min(anchor, index), Math.max(anchor, index)];
  const selected = Array.from({ length: range[1] - range[0] + 1 }, (_, step) => range[0] + step);

  const pick = (next: number, extend: boolean) => {
    setPlaying(false);
    setAnchor(extend ? (anchor ?? index) : null);
    setIndex(inside(next));
  };
  const mark = async () => {
    const bad = !selected.every((place) => frames[place]?.marks.includes("bad"));
    try {
      onChange(await api.post("/api/v1/clips/{clip}/marks", { path: { clip: clip.id }, body: { frames: selected, bad } }));
    } catch (error) {
      sayError(error);
    }
  };
  const nextMarked = (way: 1 | -1) => {
    for (let step = 1; step <= frames.length; step++) {
      const place = (index + way * step + frames.length) % frames.length;
      if (frames[place]?.marks.length) return pick(place, false);
    }
  };
  useEffect(() => setIndex(inside(start)), [start]);
  useEffect(() => setIndex(inside(index)), [frames.length]);
  useShortcuts("Timeline", [
    { keys: ["Space", "k"], does: "Play or pause", run: () => setPlaying(!playing) },
    { keys: ["ArrowRight"], does: "Next frame", run: () => pick(index + 1, false) },
    { keys: ["ArrowLeft"], does: "Frame before", run: () => pick(index - 1, false) },
    { keys: ["Shift+ArrowRight"], does: "Select on to the right", run: () => pick(index + 1, true) },
    { keys: ["Shift+ArrowLeft"], does: "Select on to the left", run: () => pick(index - 1, true) },
    { keys: ["Home"], does: "First frame", run: () => pick(0, false) },
    { keys: ["End"], does: "Last frame", run: () => pick(frames.length - 1, false) },
    { keys: ["b"], does: "Mark as bad, or take the mark off", run: () => void mark() },
    { keys: ["."], does: "Next marked frame", run: () => nextMarked(1) },
    { keys: [","], does: "Marked frame before", run: () => nextMarked(-1) },
    { keys: ["r"], does: "Redo the selected frames", run: () => document.getElementById("redo-button")?.click() },
    { keys: ["o"], does: "Onion skin", run: () => setOnion(onion ? 0 : 0.6) },
    { keys: ["p"], does: "Loop on or off", run: () => setLoop(!loop) },
    { keys: ["e"], does: "Export", run: () => setExporting(true) },
    { keys: ["Escape"], does: "Give up the selection", run: () => setAnchor(null) },
  ]);
  const rework = unfinished.value.find((job) => job.request["clip"] === clip.id || (job.project !== null && job.project === clip.project && job.kind === "render"));
  return (
    <>
      <header class="top">
        <Back />
        <h1 class="grow clip">{clip.title}</h1>
        <div class="row">
          {rework && <a class="badge blue num" href={address("queue")}>{rework.title || rework.kind}: {rework.state === "running" ? timeLeft(rework.progress.seconds_left) || "running" : rework.state}</a>}
          {clip.project ? <a class="button" href={address("storyboard", clip.project)}>Storyboard</a>
            : clip.has_recipe && <button class="button" onClick={() => void openRecipe(clip.id)}>Go on from its recipe</button>}
          <button class="button main" onClick={() => setExporting(true)}><Icon name="download" size={16} />Export</button>
        </div>
      </header>
      <div class="page flush clip-page">
        <div class="stage">
          <div class="screen" style={{ "--ratio": `${clip.width} / ${clip.height}` }}>
            <Player sources={sources} rate={fps * speed} playing={playing} loop={loop} index={index} width={clip.width * Math.max(1, Math.floor(768 / clip.width))} height={clip.height * Math.max(1, Math.floor(768 / clip.width))} onFrame={setIndex} onEnd={() => setPlaying(false)} onion={playing ? 0 : onion} />
          </div>
          <Transport index={index} total={frames.length} fps={fps} playing={playing} loop={loop} speed={speed} exposure={exposure} onion={onion}
            onPlay={setPlaying} onLoop={setLoop} onSpeed={setSpeed} onExposure={setExposure} onOnion={setOnion} onPick={(next) => pick(next, false)} />
          <Strip frames={strip} current={index} range={anchor === null ? null : range} ratio={clip.width / clip.height} height={72} onPick={pick} label={`${count(frames.length, "frame")} in time`} />
          <p class="faint num strip-note">{count(frames.length, "frame")} · {duration(clip.seconds)} · {Number(fps.toFixed(3))} per second</p>
        </div>
        <Inspector timeline={timeline} selected={selected} onMark={() => void mark()} onNextMark={() => nextMarked(1)} />
      </div>
      {exporting && <ExportDialog timeline={timeline} onClose={() => setExporting(false)} />}
    </>
  );
}

async function openRecipe(clip: string): Promise<void> {
  try {
    go("storyboard", (await api.post("/api/v1/clips/{clip}/open", { path: { clip: clip } })).id);
  } catch (error) {
    sayError(error);
  }
}

type Frame = Timeline["frames"][number];

function stripFrame(frame: Frame): StripFrame {
  const mark = frame.marks.includes("bad") ? "bad" : frame.marks.length ? "suspect" : null;
  return { source: frame.image, held: frame.held, mark, between: frame.kind === "in_between" };
}
