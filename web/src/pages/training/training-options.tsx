import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import type { OptionInfo } from "../../api/types";
import { Loading } from "../../parts/feedback";
import { OptionField } from "../../parts/option-field";

/** Options that the dialogs ask for themselves, or that the server fills in. */
const ELSEWHERE = new Set(["model", "model_digest", "set", "set_digest", "processes"]);

/** The options of a method and of any training, with what is given of them. */
export function useTrainingOptions(method: string) {
  const [settings, setSettings] = useState<Record<string, unknown>>({});
  const options = useQuery("options", () => api.get("/api/v1/options"));
  const own = options.data?.methods[method] ?? [];
  const common = (options.data?.training ?? []).filter((option) => !ELSEWHERE.has(option.name));
  const known = new Set([...own, ...common].map((option) => option.name));
  const given = Object.fromEntries(Object.entries(settings).filter(([name, value]) => value !== null && known.has(name)));
  return { options, own, common, given, settings, setSettings };
}

/** The fields of a training's options; rarer ones are folded away. */
export function TrainingOptions({ title, of }: { title: string; of: ReturnType<typeof useTrainingOptions> }) {
  const { options, own, common, settings, setSettings } = of;
  const fields = (shown: readonly OptionInfo[]) => (
    <div class="grid-3 options">
      {shown.map((option) => <OptionField key={option.name} option={option} value={settings[option.name]} onChange={(value) => setSettings({ ...settings, [option.name]: value })} />)}
    </div>
  );
  if (!options.data) return <Loading error={options.error} what="the options" retry={options.reload} />;
  return (
    <>
      <section class="stack"><h3>{title}</h3>{fields(own)}</section>
      <details>
        <summary>All settings of the training ({common.length})</summary>
        {fields(common)}
      </details>
    </>
  );
}
