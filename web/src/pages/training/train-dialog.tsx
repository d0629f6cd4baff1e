import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import { start } from "../../api/queue";
import { go } from "../../app/router";
import { sayError } from "../../app/toasts";
import { Field, Select } from "../../parts/controls";
import { Dialog } from "../../parts/dialog";
import { Loading } from "../../parts/feedback";
import { OptionField } from "../../parts/option-field";

/** Options that the dialog asks for itself, or that the server fills in. */
const ELSEWHERE = new Set(["model", "model_digest", "set", "set_digest", "prompts", "processes"]);
type Method = "lora" | "textual-inversion" | "dreambooth";

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
      const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== null));
      await start({ kind: "train", set, name, method, model, settings: given }, `Train ${name}`);
      onClose();
      go("training", name, { tab: "runs" });
    } catch (error) {
      sayError(error);
    }
  };
  const shown = [...(options.data?.training ?? []), ...(method === "lora" ? (options.data?.lora ?? []) : [])].filter((option) => !ELSEWHERE.has(option.name));
  return (
    <Dialog title={`Train on ${set}`} large onClose={onClose} footer={<button class="button main" disabled={!name} onClick={() => void run()}>Start training</button>}>
      <div class="grid-3">
        <Field label="Name of the style">{(id) => <input id={id} class="input" value={name} onInput={(event) => setName(event.currentTarget.value)} />}</Field>
        <Field label="Method">{(id) => <Select<Method> id={id} value={method} onChange={setMethod} options={[["lora", "LoRA"], ["textual-inversion", "Textual Inversion"], ["dreambooth", "DreamBooth"]]} />}</Field>
        <Field label="Model">{(id) => <Select id={id} value={model} onChange={setModel} options={(models.data ?? [{ name: "sketchbook" }]).map((one) => [one.name, one.name] as const)} />}</Field>
      </div>
      {!options.data ? <Loading error={options.error} what="the options" retry={options.reload} /> : (
        <details>
          <summary>Options ({shown.length})</summary>
          <div class="grid-3 options">
            {shown.map((option) => <OptionField key={option.name} option={option} value={settings[option.name]} onChange={(value) => setSettings({ ...settings, [option.name]: value })} />)}
          </div>
        </details>
      )}
    </Dialog>
  );
}
