import { useState } from "preact/hooks";
import type { Timeline } from "../../api/types";
import { Segmented } from "../../parts/controls";
import { Icon } from "../../parts/icons";
import { Note } from "../../parts/feedback";
import { RedoPanel } from "./redo-panel";
import { RetimePanel } from "./retime-panel";
import { Scorecard } from "./scorecard";

const KINDS = { generated: "generated", motion: "generated in motion", in_between: "in-between", given: "given", unknown: "without a recipe" } as const;

const FAULTS: Record<string, string> = {
  blank: "Blank: the image has nearly one colour.",
  jump: "A jump: it differs from the frame before far more than others do.",
  "off prompt": "Off its prompt: it shows less of it than the other frames.",
  drifted: "Drifted: its colours have left those of the shot's first frame.",
};

/** What the selected frames are, and what can be done about them. */
export function Inspector({ timeline, selected, onMark, onNextMark }: { timeline: Timeline; selected: readonly number[]; onMark: () => void; onNextMark: () => void }) {
  const [tab, setTab] = useState<"redo" | "time">("redo");
  const first = selected[0] ?? 0;
  const frame = timeline.frames[first];
  const bad = selected.every((place) => timeline.frames[place]?.marks.includes("bad"));
  const faults = [...new Set(selected.flatMap((place) => timeline.frames[place]?.marks ?? []))].filter((mark) => mark !== "bad");
  return (
    <aside class="inspector" aria-label="Selected frames">
      <section class="stack">
        <div class="row">
          <h2 class="num">{selected.length > 1 ? `Frames ${first + 1} – ${first + selected.length}` : `Frame ${first + 1}`}</h2>
          <button class="button small push mark" aria-pressed={bad} onClick={onMark}><Icon name="bad" size={16} />{bad ? "Marked bad" : "Mark bad"}</button>
        </div>
        {frame && selected.length === 1 && (
          <p class="quiet num">{KINDS[frame.kind]}{frame.held ? " · held" : ""}{frame.redone ? " · redone" : ""}</p>
        )}
        {faults.map((fault) => <Note key={fault} tone="warn">{FAULTS[fault] ?? `The scorecard names this: ${fault}.`}</Note>)}
      </section>
      <Scorecard timeline={timeline} onNext={onNextMark} />
      <Segmented label="What to do" value={tab} onChange={setTab} options={[["redo", "Redo"], ["time", "Timing"]]} />
      {!timeline.can_redo ? <Note>{timeline.reason || "This clip has no recipe, so it can be played and exported, not changed."}</Note>
        : tab === "redo" ? <RedoPanel key={first} timeline={timeline} selected={selected} /> : <RetimePanel timeline={timeline} selected={selected} />}
    </aside>
  );
}
