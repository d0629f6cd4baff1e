import { jobOf, start, unfinished } from "../../api/queue";
import type { Timeline } from "../../api/types";
import { useState } from "preact/hooks";
import { address } from "../../app/router";
import { sayError } from "../../app/toasts";
import { count, timeLeft } from "../../app/words";
import { Icon } from "../../parts/icons";

/** Have the clip measured: frames that jump, are blank or leave their prompt get a mark. */
export function Scorecard({ timeline, onNext }: { timeline: Timeline; onNext: () => void }) {
  const { clip } = timeline;
  const [asked, setAsked] = useState<string | null>(null);
  const job = unfinished.value.find((one) => one.kind === "evaluate" && one.request["subject"] === clip.id);
  const ended = jobOf(asked);
  const suspects = timeline.frames.filter((frame) => frame.marks?.some((mark) => mark !== "bad")).length;
  const measure = () => start({ kind: "evaluate", subject: clip.id, seeds: 1, settings: {} }, `Scorecard of ${clip.title}`.slice(0, 200)).then((made) => setAsked(made.id)).catch(sayError);
  return (
    <section class="stack" aria-label="Scorecard">
      <div class="row">
        <button class="button small" disabled={Boolean(job)} onClick={() => void measure()}>
          <Icon name="search" size={16} />{job ? (job.state === "running" ? timeLeft(job.progress.seconds_left) || "Measuring …" : "In the queue") : "Find bad frames"}
        </button>
        {suspects > 0 && <button class="button small" onClick={onNext} title="Next marked frame (.)">Next one</button>}
      </div>
      {suspects > 0 ? <p class="quiet num">The scorecard names {count(suspects, "frame")}.</p>
        : ended?.state === "done" && <p class="quiet" role="status">The scorecard finds no bad frame. <a href={address("training", ended.id, { tab: "reports" })}>Read it</a></p>}
      {ended?.state === "failed" && <p class="wrong">{ended.error}</p>}
    </section>
  );
}
