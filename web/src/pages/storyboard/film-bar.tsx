import type { Project } from "../../api/types";
import { duration } from "../../app/words";
import { frameUrl, thumbnail } from "../../parts/image";
import { shownTake } from "./shown-take";

/** The whole film at a glance: every shot as long as it lasts. */
export function FilmBar({ project, current, onPick }: { project: Project; current: number; onPick: (index: number) => void }) {
  const approved = project.shots.filter((shot) => shot.approved).length;
  return (
    <section class="film-bar" aria-label="The film at a glance">
      <div class="cells">
        {project.shots.map((shot, index) => {
          const take = shownTake(shot);
          return (
            <button key={shot.id} class={`cell ${index === current ? "current" : ""}`} style={{ flexGrow: shot.seconds, backgroundImage: take?.frame ? `url("${thumbnail(frameUrl(take.frame), 256)}")` : "none" }} title={shot.prompt} aria-label={`Shot ${index + 1}, ${duration(shot.seconds)}${shot.approved ? ", approved" : ""}`} aria-current={index === current} onClick={() => onPick(index)}>
              
              <span class="num">{index + 1}</span>
              {shot.approved && <i aria-hidden="true" />}
            </button>
          );
        })}
      </div>
      <p class="quiet num">{duration(project.seconds)} · {approved} of {project.shots.length} approved</p>
    </section>
  );
}
