import { useState } from "preact/hooks";
import { jobOf, previewUrl } from "../../api/queue";
import type { Project, Shot, Take } from "../../api/types";
import { address } from "../../app/router";
import { freshSeed, timeLeft } from "../../app/words";
import { IconButton } from "../../parts/controls";
import { Progress } from "../../parts/feedback";
import { Icon } from "../../parts/icons";
import { Picture, frameUrl } from "../../parts/image";
import { filmRatio } from "./film-ratio";
import type { ShotCommands } from "./shot-commands";
import { shownTake } from "./shown-take";
import { mergedTakes } from "./takes";

/** The keyframe of a shot, large, and its takes: previews best first, finals in their place. */
export function TakesPanel({ shot, index, project, commands }: { shot: Shot; index: number; project: Project; commands: ShotCommands }) {
  const [picked, setPicked] = useState<string | null>(null);
  const takes = mergedTakes(shot.takes);
  const shown = takes.find((take) => take.id === picked) ?? shownTake(shot);
  const ratio = filmRatio(project);
  const waiting = takes.filter((take) => take.state === "waiting");
  const job = jobOf(waiting[0]?.job);
  const live = job?.state === "running" ? previewUrl(job) : null;
  const source = shown?.frame ? frameUrl(shown.frame) : null;
  return (
    <div class="takes">
      <div class="keyframe">
        <Picture source={source ?? live} ratio={ratio} alt={shown?.frame ? `Keyframe of shot ${index + 1}: ${shot.prompt}` : `Shot ${index + 1} has no keyframe yet`} waiting={waiting.length ? "in the queue" : "no take yet"}>
          <span class="over-left">
            {shown?.stale && <span class="badge amber">before the last edit</span>}
          </span>
          {job?.state === "running" && <Progress value={job.progress.share} label={`Takes of shot ${index + 1}`} />}
        </Picture>
        <div class="row keyframe-tools">
          {shown?.frame && (
            shown.approved ? (
              <button class="button small approve" aria-pressed="true" onClick={() => void commands.withdraw(shown.id)}><Icon name="check" size={16} />Approved</button>
            ) : (
              <button class="button small" onClick={() => void commands.approve(shown.id)}><Icon name="check" size={16} />Approve</button>
            )
          )}
          {shown?.approved && shown.quality === "preview" && (
            <button class="button small" onClick={() => void commands.takes(shot, 1, "final", [shown.seed])}>Final keyframe</button>
          )}
          {shown?.frame && (
            <a class="button small icon" href={address("choose", null, { image: shown.frame })} aria-label={`Choose on from the keyframe of shot ${index + 1}`} title="Choose each next image from here"><Icon name="choose" size={16} /></a>
          )}
          <span class="push faint num caption">{shown?.frame ? shown.quality : ""}</span>
        </div>
      </div>
      <div class="take-grid" role="group" aria-label={`Takes of shot ${index + 1}`}>
        {takes.map((take, nth) => (
          <TakeTile key={take.seed} take={take} nth={nth} ratio={ratio} live={take === waiting[0] ? live : null} current={take.id === shown?.id} onPick={() => setPicked(take.id)} onApprove={() => void commands.approve(take.id)} onDiscard={() => void commands.discard(take.id)} />
        ))}
        <button class="more-takes" style={{ aspectRatio: String(ratio) }} onClick={() => void commands.takes(shot, 4, "preview", shot.seed_locked || takes.length ? Array.from({ length: 4 }, freshSeed) : null)}>
          <Icon name="plus" />
          <span>{takes.length ? "4 more" : "4 takes"}</span>
        </button>
      </div>
      {job && <p class="faint num takes-left">{job.state === "running" ? timeLeft(job.progress.seconds_left) || "starting" : "waiting in the queue"}</p>}
    </div>
  );
}

function TakeTile({ take, nth, ratio, live, current, onPick, onApprove, onDiscard }: {
  take: Take; nth: number; ratio: number; live: string | null; current: boolean; onPick: () => void; onApprove: () => void; onDiscard: () => void;
}) {
  const name = `Take ${nth + 1}, seed ${take.seed}${take.approved ? ", approved" : ""}${take.stale ? ", before the last edit" : ""}`;
  return (
    <div class={`take ${current ? "current" : ""} ${take.approved ? "approved" : ""} ${take.stale ? "stale" : ""}`}>
      <button aria-label={name} aria-pressed={current} title={typeof take.score !== "number" ? name : `${name}, score ${take.score.toFixed(2)}`} onClick={onPick} onDblClick={onApprove} disabled={take.state !== "done"}>
        <Picture source={take.frame ? frameUrl(take.frame) : live} {...(take.frame ? { width: 256 as const } : {})} alt="" ratio={ratio} waiting={take.state === "failed" ? "failed" : "…"} />
      </button>
      {nth < 9 && take.state === "done" && <kbd aria-hidden="true">{nth + 1}</kbd>}
      {take.approved ? <i class="tick" aria-hidden="true"><Icon name="check" size={16} /></i> : take.state !== "waiting" && <IconButton small icon="close" label={`Discard take ${nth + 1}`} onClick={onDiscard} />}
    </div>
  );
}
