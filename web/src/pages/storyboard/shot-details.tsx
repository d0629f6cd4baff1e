import { useState } from "preact/hooks";
import type { Shot, ShotFields } from "../../api/types";
import { Field, NumberInput, Select, TextInput } from "../../parts/controls";
import { Dialog } from "../../parts/dialog";
import { CAMERA_MOVES, cameraMove, type CameraName } from "./camera";
import type { ShotCommands } from "./shot-commands";
import { StyleButton } from "./style-picker";

/** Camera, transition and style of a shot; the rest in a dialog. */
export function ShotDetails({ shot, last, commands }: { shot: Shot; last: boolean; commands: ShotCommands }) {
  const [open, setOpen] = useState(false);
  const edit = (fields: Partial<ShotFields>) => void commands.edit(shot, fields);
  const [kind = "morph", length = "1"] = shot.transition.split(" ");
  const camera = cameraMove(shot.camera);
  return (
    <>
      <Field label="Camera">
        {(id) => <Select<CameraName> id={id} value={camera} options={CAMERA_MOVES.map(({ name, words }) => [name, words] as const)} onChange={(name) => name === "custom" ? setOpen(true) : edit({ camera: { ...shot.camera, ...CAMERA_MOVES.find((move) => move.name === name)?.camera } })} />}
      </Field>
      <Field label={last ? "At the end" : "Into the next"}>
        {(id) => (
          <span class="joined">
            <Select id={id} value={kind} options={[["cut", "Cut"], ["morph", "Morph"], ["dissolve", "Dissolve"]]} onChange={(next) => edit({ transition: next === "cut" ? "cut" : `${next} ${Number(length) || 1}` })} />
            {kind !== "cut" && <NumberInput label="Seconds of the transition" value={Number(length)} min={0.1} step={0.1} onCommit={(seconds) => edit({ transition: `${kind} ${seconds}` })} />}
          </span>
        )}
      </Field>
      <StyleButton value={shot.style ?? null} onChange={(style) => edit({ style })} />
      <div class="field"><span aria-hidden="true">&nbsp;</span><button class="button" onClick={() => setOpen(true)}>More …</button></div>
      {open && <MoreDialog shot={shot} edit={edit} onClose={() => setOpen(false)} />}
    </>
  );
}

/** What may move a shot: a name that a film.toml gave stays among the choices. */
function adapters(named: string | null | undefined): (readonly [string, string])[] {
  const known = [["", "As the film"], ["auto", "The model's own"], ["none", "None: in-betweens only"]] as const;
  return named && !known.some(([key]) => key === named) ? [...known, [named, named] as const] : [...known];
}

function MoreDialog({ shot, edit, onClose }: { shot: Shot; edit: (fields: Partial<ShotFields>) => void; onClose: () => void }) {
  const keyed = (label: string, key: "steps" | "guidance" | "strength" | "control_weight" | "motion_scale", hint: string) => (
    <Field label={label} hint={hint}>
      {(id) => <TextInput id={id} value={shot[key] === null ? "" : String(shot[key])} placeholder="as the film" onCommit={(text) => edit({ [key]: text.trim() === "" ? null : Number.isFinite(Number(text)) ? Number(text) : text })} />}
    </Field>
  );
  const move = (fields: Partial<Shot["camera"]>) => edit({ camera: { ...shot.camera, ...fields } });
  return (
    <Dialog title={`Shot ${shot.position + 1}`} onClose={onClose} footer={<button class="button main" onClick={onClose}>Done</button>}>
      <fieldset class="stack">
        <legend><h3>Camera</h3></legend>
        <div class="grid-3">
          <Field label="Zoom" hint="1.2 ends 20% closer">{(id) => <NumberInput id={id} value={shot.camera.zoom} min={0.1} max={10} step={0.05} onCommit={(zoom) => move({ zoom })} />}</Field>
          <Field label="Pan right">{(id) => <NumberInput id={id} value={shot.camera.pan[0]} step={0.05} onCommit={(x) => move({ pan: [x, shot.camera.pan[1]] })} />}</Field>
          <Field label="Pan down">{(id) => <NumberInput id={id} value={shot.camera.pan[1]} step={0.05} onCommit={(y) => move({ pan: [shot.camera.pan[0], y] })} />}</Field>
          <Field label="Rotate" hint="degrees">{(id) => <NumberInput id={id} value={shot.camera.rotate} step={1} onCommit={(rotate) => move({ rotate })} />}</Field>
          <Field label="Parallax" hint="0 is a flat plane">{(id) => <NumberInput id={id} value={shot.camera.parallax} min={0} max={1} step={0.1} onCommit={(parallax) => move({ parallax })} />}</Field>
        </div>
      </fieldset>
      <fieldset class="stack">
        <legend><h3>Time</h3></legend>
        <div class="grid-3">
          <Field label="Hold the last image" hint="seconds">{(id) => <NumberInput id={id} value={shot.hold} min={0} max={shot.seconds} step={0.1} onCommit={(hold) => edit({ hold })} />}</Field>
          <Field label="Ease">{(id) => <Select id={id} value={shot.ease} options={[["linear", "Linear"], ["smooth", "Smooth"], ["smoother", "Smoother"], ["in", "In"], ["out", "Out"], ["overshoot", "Overshoot"]]} onChange={(ease) => edit({ ease })} />}</Field>
          <Field label="Exposure">{(id) => <Select id={id} value={String(shot.on ?? "")} options={[["", "As the film"], ["1", "On ones"], ["2", "On twos"], ["3", "On threes"], ["4", "On fours"]]} onChange={(on) => edit({ on: on ? Number(on) : null })} />}</Field>
        </div>
      </fieldset>
      <fieldset class="stack">
        <legend><h3>Motion</h3></legend>
        <div class="grid-3">
          <Field label="Adapter">{(id) => <Select id={id} value={shot.motion ?? ""} options={adapters(shot.motion)} onChange={(motion) => edit({ motion: motion || null })} />}</Field>
          {keyed("Scale", "motion_scale", "how strongly things move, 1 is as trained")}
        </div>
        <p class="quiet">Smoothing, windows and the adapter's rate belong to the whole film: Film, Motion.</p>
      </fieldset>
      <fieldset class="stack">
        <legend><h3>Sampling</h3></legend>
        <p class="quiet">Numbers, or keys such as <code>0: 4, 24 smooth: 7</code>. Empty takes the film's.</p>
        <div class="grid-3">
          {keyed("Steps", "steps", "1 to 150")}
          {keyed("Guidance", "guidance", "how closely the prompt is followed")}
          {keyed("Strength", "strength", "denoising strength, 0 to 1")}
        </div>
        <Field label="Negative prompt">{(id) => <TextInput id={id} value={shot.negative} onCommit={(negative) => edit({ negative })} />}</Field>
        <div class="field"><span>The whole prompt, with what all shots share</span><p>{shot.full_prompt}</p></div>
      </fieldset>
    </Dialog>
  );
}
