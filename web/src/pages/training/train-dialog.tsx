import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import { start } from "../../api/queue";
import type { OptionInfo } from "../../api/types";
import { go } from "../../app/router";
import { sayError } from "../../app/toasts";
import { Field, Select } from "../../parts/controls";
import { Dialog } from "../../parts/dialog";
import { Loading } from "../../parts/feedback";
import { OptionField } from "../../parts/option-field";

/** Options that the dialog asks for itself, or that the server fills in. */
const ELSEWHERE = new Set(["model", "model_digest", "set", "set_digest", "processes"]);
const METHODS = [
  ["lora", "LoRA", "A style: a small adapter that is applied to the model at any weight"],
  ["textual-inversion", "Textual Inversion", "One word: the smallest file, for a look or a thing that the model nearly knows"],
  ["dreambooth", "DreamBooth", "One subject: from a few images, without forgetting its class"],
] as const;
type Method = (typeof METHODS)[number][0];

/** Start a training; its options are the server's own. */
export function TrainDialog({ set, onClose }: { set: string; onClose: () => void }) {
  const [name, setName] = useState(`${set}-style`);
  const [method, setMethod] = useState<Method>("lora");
  const [model, setModel] = useState("sketchbook");
  const [settings, setSettings] = useState<Record<string, unknown>>({});
  const options = useQuery("options", () => api.get("/api/v1/options"));
  const models = useQuery("models", () => api.get("/api/v1/models"));
  const run = async () => {
    try {
      const known = new Set([...own, ...common].map((option) => option.name));
      const given = Object.fromEntries(Object.entries(settings).filter(([name, value]) => value !== null && known.has(name)));
      await start({ kind: "train", set, name, method, model, settings: given }, `Train ${name}`);
      onClose();
      go("training", name, { tab: "runs" });
    } catch (error) {
      sayError(error);
    }
  };
  const own = options.data?.methods[method] ?? [];
  const common = (options.data?.training ?? []).filter((option) => !ELSEWHERE.has(option.name));
  const fields = (shown: readonly OptionInfo[]) => (
    <div class="grid-3 options">
      {shown.map((option) => <OptionField key={option.name} option={option} value={settings[option.name]} onChange={(value) => setSettings({ ...settings, [option.name]: value })} />)}
    </div>
  );
  return (
    <Dialog title={`Train on ${set}`} large onClose={onClose} footer={<button class="button main" disabled={!name} onClick={() => void run()}>Start training</button>}>
      <div class="grid-3">
        <Field label="Name of the style">{(id) => <input id={id} class="input" value={name} onInput={(event) => setName(event.currentTarget.value)} />}</Field>
        <Field label="Method" hint={METHODS.find(([key]) => key === method)?.[2]}>{(id) => <Select<Method> id={id} value={method} onChange={setMethod} options={METHODS.map(([key, words]) => [key, words] as const)} />}</Field>
        <Field label="Model">{(id) => <Select id={id} value={model} onChange={setModel} options={(models.data ?? [{ name: "sketchbook" }]).map((one) => [one.name, one.name] as const)} />}</Field>
      </div>
      {!options.data ? <Loading error={options.error} what="the options" retry={options.reload} /> : (
        <>
          <section class="stack"><h3>{METHODS.find(([key]) => key === method)?.[1]}</h3>{fields(own)}</section>
          <details>
            <summary>All settings of the training ({common.length})</summary>
            {fields(common)}
          </details>
        </>
      )}
    </Dialog>
  );
}
