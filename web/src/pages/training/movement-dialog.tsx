import { useState } from "preact/hooks";
import { api, upload } from "../../api/client";
import { useQuery } from "../../api/query";
import { start } from "../../api/queue";
import { go } from "../../app/router";
import { sayError } from "../../app/toasts";
import { count } from "../../app/words";
import { Field, Select } from "../../parts/controls";
import { Dialog } from "../../parts/dialog";
import { DropZone } from "../../parts/drop";
import { Picture, thumbnail } from "../../parts/image";
import { Forecast } from "./forecast";
import { TrainingOptions, useTrainingOptions } from "./training-options";

/** Most clips of the library that are shown to choose from. */
const SHOWN = 100;

/** Teach a motion adapter a camera move or a way of moving, from clips of the library and of one's own. */
export function MovementDialog({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [model, setModel] = useState("sketchbook");
  const [chosen, setChosen] = useState<readonly string[]>([]);
  const [brought, setBrought] = useState<readonly { id: string; name: string }[]>([]);
  const models = useQuery("models", () => api.get("/api/v1/models"));
  const clips = useQuery("clips to learn from", () => api.get("/api/v1/library", { query: { kind: "clip", limit: SHOWN } }));
  const options = useTrainingOptions("motion-lora");
  const ids = [...chosen, ...brought.map((one) => one.id)];
  const toggle = (id: string) => setChosen(chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id]);
  const bring = async (files: File[]) => {
    for (const file of files)
      try {
        const { id } = await upload(file, file.name);
        setBrought((before) => [...before, { id, name: file.name }]);
      } catch (error) {
        sayError(error);
      }
  };
  const run = async () => {
    try {
      await start({ kind: "train", set: "", clips: ids, name, method: "motion-lora", model, settings: options.given }, `Train ${name}`);
      onClose();
      go("training", name, { tab: "runs" });
    } catch (error) {
      sayError(error);
    }
  };
  return (
    <Dialog title="Learn a movement" large onClose={onClose} footer={<button class="button main" disabled={!name || !ids.length} onClick={() => void run()}>{ids.length ? `Train on ${count(ids.length, "clip")}` : "Choose clips"}</button>}>
      <p>Clips that share a camera move or a way of moving, and nothing else, teach it to the motion adapter.</p>
      <div class="grid-3">
        <Field label="Name of the movement" hint="Letters, digits, - and _">{(id) => <input id={id} class="input" value={name} pattern="[A-Za-z0-9][A-Za-z0-9_\-]*" onInput={(event) => setName(event.currentTarget.value)} />}</Field>
        <Field label="Model" hint="One with a motion adapter">{(id) => <Select id={id} value={model} onChange={setModel} options={(models.data ?? [{ name: "sketchbook" }]).map((one) => [one.name, one.name] as const)} />}</Field>
      </div>
      <div class="grid-2">
        <fieldset class="field"><legend>Clips of the library</legend>
          {(clips.data?.entries ?? []).length ? <ul class="list clip-choices">{(clips.data?.entries ?? []).map((clip) => <li key={clip.id}><label class="check"><input type="checkbox" checked={chosen.includes(clip.id)} onChange={() => toggle(clip.id)} /><Picture source={thumbnail(clip.thumbnail, 64)} alt="" /><span class="clip">{clip.title}</span></label></li>)}</ul> : <p class="quiet">There are none yet.</p>}
        </fieldset>
        <div class="field"><span>Clips of your own</span>
          <DropZone multiple accept="video/*,image/gif,image/webp,image/apng" label="Pick clips …" onFiles={(files) => void bring(files)}>
            {brought.length ? <ul>{brought.map((one) => <li key={one.id}>{one.name}</li>)}</ul> : <p class="quiet">Drop videos or animations here, paste them, or pick them.</p>}
          </DropZone>
        </div>
      </div>
      <TrainingOptions title="MotionLoRA" of={options} />
      {ids.length > 0 && <Forecast of={{ set: "", clips: ids, method: "motion-lora", model, settings: options.given }} />}
    </Dialog>
  );
}
