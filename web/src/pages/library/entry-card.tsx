import { useState } from "preact/hooks";
import type { LibraryEntry } from "../../api/types";
import { count, duration } from "../../app/words";
import { Icon } from "../../parts/icons";
import { thumbnail } from "../../parts/image";

const PLAYED = /\.(gif|webp|png|apng)$|\/file$/;

/** A picture of the gallery; a clip plays while it is pointed at or in focus. */
export function EntryCard({ entry, picked, inTabOrder, onOpen, onStar, onPick }: {
  entry: LibraryEntry; picked: boolean; inTabOrder: boolean; onOpen: () => void; onStar: () => void; onPick: () => void;
}) {
  const [awake, setAwake] = useState(false);
  const [failed, setFailed] = useState(false);
  const plays = entry.kind === "clip" && awake && !failed && PLAYED.test(entry.url);
  const order = inTabOrder ? 0 : -1;
  return (
    <article class={`entry ${picked ? "picked" : ""}`} data-entry={entry.id} onMouseEnter={() => setAwake(true)} onMouseLeave={() => setAwake(false)}>
      <button class="open" tabIndex={order} aria-label={`Open ${entry.title}${entry.kind === "clip" ? `, ${duration(entry.seconds)}` : ""}`} onClick={onOpen} onFocus={() => setAwake(true)} onBlur={() => setAwake(false)}>
        <img src={plays ? entry.url : thumbnail(entry.thumbnail, 256)} alt="" loading="lazy" decoding="async" draggable={false} onError={() => { if (plays) setFailed(true); }} />
        {entry.kind === "clip" && <span class="length num">{duration(entry.seconds)}</span>}
      </button>
      <div class="row tight under">
        <span class="grow"><span class="clip title" title={entry.title}>{entry.title}</span><small class="faint num">{entry.kind === "clip" ? count(entry.frames, "frame") : "image"} · {entry.width} × {entry.height}</small></span>
        <button class="button plain small icon" tabIndex={order} aria-label={`Pick ${entry.title} to compare`} title="Pick to compare" aria-pressed={picked} onClick={onPick}><Icon name="compare" size={16} /></button>
        <button class={`button plain small icon star ${entry.starred ? "on" : ""}`} tabIndex={order} aria-label={`${entry.starred ? "Take the star off" : "Star"} ${entry.title}`} aria-pressed={entry.starred} onClick={onStar}><Icon name="star" size={16} filled={entry.starred} /></button>
      </div>
    </article>
  );
}
