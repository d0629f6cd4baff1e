import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import type { OptionInfo, Project } from "../../api/types";
import { Field, TextInput } from "../../parts/controls";
import { Dialog } from "../../parts/dialog";
import { Loading } from "../../parts/feedback";
import { OptionField } from "../../parts/option-field";
import type { ShotCommands } from "./shot-commands";
import { StyleButton } from "./style-picker";

const SHARED = [["subject", "Who or what"], ["look", "How they look"], ["setting", "Where"], ["palette", "Colours"], ["style", "Look, in words"]] as const;
const ELSEWHERE = new Set(["style", "pixel"]);

/** What all shots share, and every setting of the film as the server declares it. */
export function FilmDialog({ project, commands, onText, onClose }: { project: Project; commands: ShotCommands; onText: () => void; onClose: () => void }) {
  const options = useQuery("options", () => api.get("/api/v1/options"));
  const models = useQuery("models", () => api.get("/api/v1/models"));
  const names = (models.data ?? [{ name: "sketchbook" }]).map((one) => one.name);
  const style = project.settings["style"];
  return (
    <Dialog title="Film settings" large onClose={onClose} footer={<><button class="button" onClick={onText}>As film.toml …</button><button class="button main" onClick={onClose}>Done</button></>}>
      <section class="stack">
        <h3>In every shot</h3>
        <div class="grid-2">
          {SHARED.map(([key, label]) => (
            <Field key={key} label={label}>{(id) => <TextInput id={id} value={project.bible[key]} onCommit={(text) => void commands.change({ bible: { [key]: text } })} />}</Field>
          ))}
          <StyleButton whole value={typeof style === "string" ? style : null} onChange={(next) => void commands.change({ settings: { style: next } })} />
        </div>
      </section>
      {!options.data ? <Loading error={options.error} what="the settings" retry={options.reload} />
        : [...panels(options.data.film)].map(([title, fields]) => (
            <section key={title} class="stack">
              <h3>{title || "Picture"}</h3>
              <div class="grid-3">
                {fields.map((option) => <OptionField key={option.name} option={settingOf(option, names)} value={project.settings[option.name]} onChange={(value) => void commands.change({ settings: { [option.name]: value } })} />)}
              </div>
            </section>
          ))}
    </Dialog>
  );
}

/** The film's motion adapter; the studio takes a checkpoint's own only, so there are few choices. */
const MOTION = ["auto", "none"];

function settingOf(option: OptionInfo, models: readonly string[]): OptionInfo {
  if (option.name === "motion") return { ...option, kind: "choice", choices: MOTION, help: "What makes things move: auto takes the model's own adapter, none leaves it to in-betweens" };
  return option.name === "model" ? { ...option, kind: "choice", choices: [...models], help: "Checkpoint: the built-in one, or a folder in the studio's models" } : option;
}

function panels(options: readonly OptionInfo[]): Map<string, OptionInfo[]> {
  const found = new Map<string, OptionInfo[]>([["", []]]);
  for (const option of options) if (!ELSEWHERE.has(option.name)) found.set(option.panel, [...(found.get(option.panel) ?? []), option]);
  return found;
}
