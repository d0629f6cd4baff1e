import { useEffect, useState } from "preact/hooks";
import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import type { TrainJob } from "../../api/types";
import { bytes, count, minutes } from "../../app/words";
import { Note } from "../../parts/feedback";

/** Milliseconds without a change after which the server gets a request. */
const SETTLED = 700;

/** What a training would take on this machine; the server measures it on one forward pass, one question at a time. */
export function Forecast({ of }: { of: Omit<TrainJob, "kind" | "name"> }) {
  const wanted = JSON.stringify(of);
  const [asked, setAsked] = useState(wanted);
  const found = useQuery(`forecast/${asked}`, () => api.post("/api/v1/runs/plan", { body: { ...(JSON.parse(asked) as typeof of), kind: "train", name: "forecast" } }));
  const answered = found.data !== null || found.error !== null;
  useEffect(() => {
    if (wanted === asked || !answered) return;
    const timer = window.setTimeout(() => setAsked(wanted), SETTLED);
    return () => clearTimeout(timer);
  }, [wanted, asked, answered]);
  const shown = wanted === asked;
  return (
    <section class="stack" aria-label="What it takes" aria-live="polite">
      {shown && found.error ? <Note tone="wrong">{found.error.message}</Note> : shown && found.data ? (
        <>
          <h3 class="num">About {minutes(found.data.seconds)} and {bytes(found.data.memory)} of memory</h3>
          <p class="quiet num">{count(found.data.steps, "step")} of {Number(found.data.step_seconds.toPrecision(2))} s on {count(found.data.images, of.clips.length ? "clip" : "image")}, measured on this machine as busy as it is.</p>
          {found.data.notes.map((note) => <p key={note} class="quiet">{note}</p>)}
        </>
      ) : <p class="faint" role="status">Measuring time and memory …</p>}
    </section>
  );
}
