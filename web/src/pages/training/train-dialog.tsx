import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import { start } from "../../api/queue";
import { go } from "../../app/router";
import { sayError } from "../../app/toasts";
import { Field, Select } from "../../parts/controls";
import { Dialog } from "../../parts/dialog";
import { Forecast } from "./forecast";
import { TrainingOptions, useTrainingOptions } from "./training-options";

const METHODS = [
  ["lora", "LoRA", "A style: a small adapter that is applied to the model at any weight"],
  ["textual-inversion", "Textual Inversion", "One word: the smallest file, for a look or a thing that the model nearly knows"],
  ["dreambooth", "DreamBooth", "One subject: from a few images, without forgetting its class"],
  ["slider", "Slider", "An attribute that is turned up and down by the weight, between two texts"],
] as const;
type Method = (typeof METHODS)[number][0];

/** Start a training on a set of images; its options are the server's own. */
export function TrainDialog({ set, onClose }: { set: string; onClose: () => void }) {
  const [name, setName] = useState(`${set}-style`);
  const [method, setMethod] = useState<Method>("lora");
  const [model, setModel] = useState("sketchbook");
  const models = useQuery("models", () => api.get("/api/v1/models"));
  const options = useTrainingOptions(method);
  const run = async () => {
    try {
      await start({ kind: "train", set, clips: [], name, method, model, settings: options.given }, `Train ${name}`);
      onClose();
      go("training", name, { tab: "runs" });
    } catch (error) {
      sayError(error);
    }
  };
  const [, title, hint] = METHODS.find(([key]) => key === method) ?? METHODS[0];
  return (
    <Dialog title={`Train on ${set}`} large onClose={onClose} footer={<button class="button main" disabled={!name} onClick={() => void run()}>Start training</button>}>
      <div class="grid-3">
        <Field label="Name of the style">{(id) => <input id={id} class="input" value={name} onInput={(event) => setName(event.currentTarget.value)} />}</Field>
        <Field label="Method" hint={hint}>{(id) => <Select<Method> id={id} value={method} onChange={setMethod} options={METHODS.map(([key, words]) => [key, words] as const)} />}</Field>
        <Field label="Model">{(id) => <Select id={id} value={model} onChange={setModel} options={(models.data ?? [{ name: "sketchbook" }]).map((one) => [one.name, one.name] as const)} />}</Field>
      </div>
      <TrainingOptions title={title} of={options} />
      <Forecast of={{ set, clips: [], method, model, settings: options.given }} />
    </Dialog>
  );
}
