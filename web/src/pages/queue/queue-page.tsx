import { api } from "../../api/client";
import { loadQueue, queue, queueError, unfinished } from "../../api/queue";
import type { Job } from "../../api/types";
import { useShortcuts } from "../../app/keys";
import { sayError } from "../../app/toasts";
import { count } from "../../app/words";
import { Empty, Loading } from "../../parts/feedback";
import { Icon } from "../../parts/icons";
import { JobRow } from "./job-row";

/** What runs, what waits and what has ended. */
export function QueuePage() {
  const data = queue.value;
  const change = async (body: { paused?: boolean; stop_after?: boolean }) => {
    try {
      queue.value = await api.patch("/api/v1/queue", { body: body });
    } catch (error) {
      sayError(error);
    }
  };
  useShortcuts("Queue", [
    { keys: ["Space"], does: "Pause the queue, or go on", run: () => void change({ paused: !data?.paused }) },
    { keys: ["a"], does: "Stop after the running job", run: () => void change({ stop_after: !data?.stop_after }) },
  ]);
  const clear = async (jobs: readonly Job[]) => {
    try {
      for (const job of jobs) await api.delete("/api/v1/jobs/{job}", { path: { job: job.id } });
    } catch (error) {
      sayError(error);
    }
    void loadQueue();
  };
  const open = unfinished.value;
  const ended = (data?.jobs ?? []).filter((job) => !open.includes(job));
  const waiting = open.filter((job) => job.state === "queued");
  return (
    <>
      <header class="top">
        <h1>Queue</h1>
        {data && (
          <div class="row">
            <label class="check"><input type="checkbox" checked={data.stop_after} onChange={(event) => void change({ stop_after: event.currentTarget.checked })} />Stop after this one</label>
            <button class="button" onClick={() => void change({ paused: !data.paused })}><Icon name={data.paused ? "play" : "pause"} size={16} />{data.paused ? "Go on" : "Pause"}</button>
          </div>
        )}
      </header>
      <div class="page">
        {!data ? <Loading error={queueError.value} what="the queue" retry={() => void loadQueue()} /> : (
          <div class="stack lanes">
            {data.paused && <p class="note warn" role="status">The queue is paused. Jobs wait; nothing is lost.</p>}
            {!data.jobs.length && <Empty icon="queue" title="Nothing to do"><p>Renders, trainings and evaluations line up here, and go on by themselves after a restart.</p></Empty>}
            {data.lanes.map((lane) => <Section key={lane} title={laneName(lane)} jobs={open.filter((job) => job.lane === lane && job.state !== "queued")} />)}
            <Section title="Waiting" jobs={waiting} waiting={waiting} />
            {ended.length > 0 && <section class="stack"><div class="row"><h2>Ended</h2><button class="button small push" onClick={() => void clear(ended)}>Clear the list</button></div><ol class="jobs">{ended.map((job) => <JobRow key={job.id} job={job} waiting={[]} />)}</ol></section>}
          </div>
        )}
      </div>
    </>
  );
}

function Section({ title, jobs, waiting = [] }: { title: string; jobs: readonly Job[]; waiting?: readonly Job[] }) {
  if (!jobs.length) return null;
  return (
    <section class="stack" aria-label={title}>
      <h2>{title} <span class="faint num">{count(jobs.length, "job")}</span></h2>
      <ol class="jobs">{jobs.map((job) => <JobRow key={job.id} job={job} waiting={waiting} />)}</ol>
    </section>
  );
}

function laneName(lane: string): string {
  return lane === "cpu" ? "On this machine" : `On ${lane}`;
}
