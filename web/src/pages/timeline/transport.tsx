import { IconButton, Select } from "../../parts/controls";

interface Props {
  index: number; total: number; fps: number; playing: boolean; loop: boolean; speed: number; exposure: number; onion: number;
  onPlay: (playing: boolean) => void; onLoop: (loop: boolean) => void; onSpeed: (speed: number) => void; onExposure: (exposure: number) => void;
  onOnion: (onion: number) => void; onPick: (index: number) => void;
}

/** Minutes, seconds and frames, as editors write it. */
function timecode(index: number, fps: number): string {
  const rate = Math.max(1, Math.round(fps));
  const seconds = Math.floor(index / rate);
  return [Math.floor(seconds / 60), seconds % 60, index % rate].map((part) => String(part).padStart(2, "0")).join(":");
}

export function Transport({ index, total, fps, playing, loop, speed, exposure, onion, onPlay, onLoop, onSpeed, onExposure, onOnion, onPick }: Props) {
  return (
    <div class="transport">
      <input class="scrub" type="range" aria-label="Scrub" aria-valuetext={`Frame ${index + 1} of ${total}`} min={0} max={Math.max(0, total - 1)} step={1} value={index} onInput={(event) => onPick(Number(event.currentTarget.value))} />
      <div class="row">
        <span class="row tight">
          <IconButton icon="first" label="First frame" onClick={() => onPick(0)} />
          <IconButton icon="back" label="Frame before" onClick={() => onPick(index - 1)} />
          <IconButton icon={playing ? "pause" : "play"} label={playing ? "Pause" : "Play"} filled={!playing} className="main" onClick={() => onPlay(!playing)} />
          <IconButton icon="forward" label="Next frame" onClick={() => onPick(index + 1)} />
          <IconButton icon="loop" label="Loop" pressed={loop} onClick={() => onLoop(!loop)} />
        </span>
        <span class="num time"><strong>{index + 1}</strong><span class="faint"> / {total}</span><span class="quiet timecode">{timecode(index, fps)}</span></span>
        <span class="row tight push">
          <Select label="Speed" value={String(speed)} options={[["0.25", "¼ speed"], ["0.5", "½ speed"], ["1", "Real rate"], ["2", "2 ×"]]} onChange={(next) => onSpeed(Number(next))} />
          <Select label="Show as exposed" value={String(exposure)} options={[["1", "On ones"], ["2", "On twos"], ["3", "On threes"]]} onChange={(next) => onExposure(Number(next))} />
          <button class="button" aria-pressed={onion > 0} onClick={() => onOnion(onion ? 0 : 0.6)}>Onion skin</button>
        </span>
      </div>
    </div>
  );
}
