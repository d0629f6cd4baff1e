import { useState } from "preact/hooks";
import type { Project, Shot } from "../../api/types";
import { IconButton, NumberInput, TextInput } from "../../parts/controls";
import { Note } from "../../parts/feedback";
import { Icon } from "../../parts/icons";
import type { ShotCommands } from "./shot-commands";
import { ShotDetails } from "./shot-details";
import { TakesPanel } from "./takes-panel";

const MIME = "application/x-sakuga-shot";

interface Props {
  shot: Shot;
  index: number;
  last: boolean;
  project: Project;
  commands: ShotCommands;
  current: boolean;
  onCurrent: () => void;
}

export function ShotCard({ shot, index, last, project, commands, current, onCurrent }: Props) {
  const [over, setOver] = useState(false);
  const drop = (event: DragEvent) => {
    const moved = project.shots.find((other) => other.id === event.dataTransfer?.getData(MIME));
    setOver(false);
    if (!moved || moved.id === shot.id) return;
    event.preventDefault();
    void commands.place(moved, index);
  };
  return (
    <li id={`shot-${shot.id}`} class={`shot ${current ? "current" : ""} ${over ? "over" : ""}`} tabIndex={-1} aria-label={`Shot ${index + 1}`} onFocusCapture={onCurrent}
      onDragOver={(event) => { if (event.dataTransfer?.types.includes(MIME)) { event.preventDefault(); setOver(true); } }} onDragLeave={() => setOver(false)} onDrop={drop}>
      <header class="shot-head">
        <span class="handle" draggable title="Drag to reorder, or Alt + ↑ ↓" aria-hidden="true"
          onDragStart={(event) => { event.dataTransfer?.setData(MIME, shot.id); const card = document.getElementById(`shot-${shot.id}`); if (card) event.dataTransfer?.setDragImage(card, 24, 24); }}>
          <Icon name="drag" size={16} />
        </span>
        <h2 class="num">Shot {index + 1}</h2>
        {shot.approved && <span class="badge green"><Icon name="check" size={16} />approved</span>}
        <span class="push row tight tools">
          <IconButton small icon="up" label={`Move shot ${index + 1} up`} disabled={index === 0} onClick={() => void commands.move(shot, -1)} />
          <IconButton small icon="down" label={`Move shot ${index + 1} down`} disabled={last} onClick={() => void commands.move(shot, 1)} />
          <IconButton small icon="plus" label={`Add a shot after shot ${index + 1}`} onClick={() => void commands.add(shot)} />
          <IconButton small icon="copy" label={`Duplicate shot ${index + 1}`} onClick={() => void commands.duplicate(shot)} />
          <IconButton small icon="trash" label={`Remove shot ${index + 1}`} disabled={project.shots.length === 1} onClick={() => void commands.remove(shot)} />
        </span>
      </header>
      <TakesPanel shot={shot} index={index} project={project} commands={commands} />
      <div class="shot-text">
        <div class="field">
          <label for={`prompt-${shot.id}`}>Prompt</label>
          <TextInput id={`prompt-${shot.id}`} lines value={shot.prompt} onCommit={(prompt) => void commands.edit(shot, { prompt })} />
        </div>
        {shot.lint.map((note) => <Note key={note.rule + note.message} tone="warn">{note.message}</Note>)}
        <div class="shot-row">
          <div class="field">
            <label for={`seconds-${shot.id}`}>Seconds</label>
            <NumberInput id={`seconds-${shot.id}`} value={shot.seconds} min={0.1} max={3600} step={0.1} onCommit={(seconds) => void commands.edit(shot, { seconds })} />
          </div>
          <div class="field">
            <label for={`seed-${shot.id}`}>Seed</label>
            <span class="joined">
              <NumberInput id={`seed-${shot.id}`} value={shot.seed} min={0} disabled={shot.seed_locked} onCommit={(seed) => void commands.edit(shot, { seed })} />
              <IconButton icon={shot.seed_locked ? "lock" : "unlock"} label={`Lock the seed of shot ${index + 1}`} pressed={shot.seed_locked} onClick={() => void commands.edit(shot, { seed_locked: !shot.seed_locked })} />
            </span>
          </div>
          <ShotDetails shot={shot} last={last} commands={commands} />
        </div>
      </div>
    </li>
  );
}
