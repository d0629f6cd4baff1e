import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { loadQueue } from "../../api/queue";
import type { Retime, Timeline } from "../../api/types";
import { say, sayError } from "../../app/toasts";
import { count, duration } from "../../app/words";
import { Field, NumberInput, Select } from "../../parts/controls";

/** Rate, exposure and speed of the whole clip; holds and cuts of the selected frames. Images stay the same. */
export function RetimePanel({ timeline, selected }: { timeline: Timeline; selected: readonly number[] }) {
  const [fps, setFps] = useState(timeline.fps);
  const [on, setOn] = useState(1);
  const [speed, setSpeed] = useState(1);
  const [longer, setLonger] = useState(4);
  const retime = async (change: Partial<Retime>) => {
    try {
      await api.post("/api/v1/clips/{clip}/retime", { path: { clip: timeline.clip.id }, body: change });
      void loadQueue();
      say("A new clip with this timing is in the queue.");
    } catch (error) {
      sayError(error);
    }
  };
  const changed = { ...(fps === timeline.fps ? {} : { fps }), ...(on === 1 ? {} : { on }), ...(speed === 1 ? {} : { speed }) };
  const last = selected.at(-1) ?? 0;
  return (
    <>
      <section class="stack wide" aria-label="The whole clip">
        <h3>The whole clip</h3>
        <Field label="Frames per second">{(id) => <NumberInput id={id} value={fps} min={1} max={240} step="any" onCommit={setFps} />}</Field>
        <Field label="Exposure">{(id) => <Select id={id} value={String(on)} options={[["1", "As it is"], ["2", "On twos"], ["3", "On threes"], ["4", "On fours"]]} onChange={(next) => setOn(Number(next))} />}</Field>
        <Field label="Speed" hint={`Lasts ${duration(timeline.clip.seconds / speed)}`}>{(id) => <NumberInput id={id} value={speed} min={0.05} max={16} step={0.1} onCommit={setSpeed} />}</Field>
        <button class="button" disabled={!Object.keys(changed).length} onClick={() => void retime(changed)}>Make it again</button>
      </section>
      <section class="stack wide" aria-label="Selected frames">
        <h3 class="num">{selected.length > 1 ? `Frames ${(selected[0] ?? 0) + 1} – ${last + 1}` : `Frame ${last + 1}`}</h3>
        <Field label={`Hold frame ${last + 1} longer, in frames`}>{(id) => <NumberInput id={id} value={longer} min={1} max={1000} onCommit={setLonger} />}</Field>
        <div class="row">
          <button class="button" onClick={() => void retime({ holds: [{ frame: last, frames: longer }] })}>Hold</button>
          <button class="button danger" disabled={selected.length >= timeline.frames.length} onClick={() => void retime({ cuts: [...selected] })}>Cut {selected.length > 1 ? count(selected.length, "frame") : "it"} out</button>
        </div>
      </section>
    </>
  );
}
