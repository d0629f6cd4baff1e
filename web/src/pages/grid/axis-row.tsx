import type { OptionInfo } from "../../api/types";
import { freshSeed } from "../../app/words";
import { Select } from "../../parts/controls";

export interface AxisDraft {
  name: string;
  values: string;
}

export const EMPTY_AXIS: AxisDraft = { name: "", values: "" };

/** The values of an axis, as they stand between commas. */
export function valuesOf(axis: AxisDraft): string[] {
  return axis.name ? axis.values.split(",").map((value) => value.trim()).filter(Boolean) : [];
}

/** One axis: the option that changes, and its values. */
export function AxisRow({ title, hint, axis, options, taken, styles, prompt, onChange }: {
  title: string; hint: string; axis: AxisDraft; options: readonly OptionInfo[]; taken: readonly string[]; styles: readonly string[]; prompt: string;
  onChange: (axis: AxisDraft) => void;
}) {
  const option = options.find((one) => one.name === axis.name);
  const free = options.filter((one) => one.name === axis.name || !taken.includes(one.name));
  const add = (more: readonly string[]) => onChange({ ...axis, values: [...valuesOf(axis), ...more].join(", ") });
  const chips = option ? suggestions(option, styles).filter(([, values]) => values.some((value) => !valuesOf(axis).includes(value))) : [];
  return (
    <fieldset class="axis">
      <legend>{title} <span class="faint">{hint}</span></legend>
      <div class="axis-row">
        <Select label={`Option of the ${title.toLowerCase()}`} value={axis.name} options={[["", "None"] as const, ...free.map((one) => [one.name, label(one.name)] as const)]}
          onChange={(name) => onChange({ name, values: name === "prompt" ? prompt.trim().split(/\s+/).slice(-1).join("") : "" })} />
        <input class="input" aria-label={`Values of the ${title.toLowerCase()}`} disabled={!option} placeholder={option ? `Values with commas${example(option)}` : ""} value={axis.values}
          onInput={(event) => onChange({ ...axis, values: event.currentTarget.value })} />
      </div>
      {option && <p class="hint">{option.help}{option.range && option.kind !== "choice" ? ` (${option.range})` : ""}</p>}
      {chips.length > 0 && <div class="row chips">{chips.map(([words, values]) => <button key={words} type="button" class="button small" onClick={() => add(values)}>+ {words}</button>)}</div>}
    </fieldset>
  );
}

export function label(name: string): string {
  return name.replaceAll("_", " ").replace(/^./, (letter) => letter.toUpperCase());
}

const NUMBERS: Record<string, readonly string[]> = { steps: ["4", "10", "20"], guidance: ["2", "4", "7"], size: ["128", "192", "256"], grain: ["0", "0.3", "0.6"], paper: ["0", "0.3", "0.6"] };

/** What one press adds: the choices of an option, a weight of each style, fresh seeds. */
function suggestions(option: OptionInfo, styles: readonly string[]): [string, readonly string[]][] {
  if (option.name === "seed") return [["4 seeds", Array.from({ length: 4 }, () => String(freshSeed()))]];
  if (option.kind === "style") return styles.flatMap((style): [string, readonly string[]][] => [[`${style} 0.5, 1`, [`${style}:0.5`, `${style}:1`]]]);
  if (option.kind === "choice") return option.choices.map((choice) => [choice, [choice]]);
  const numbers = NUMBERS[option.name];
  return numbers ? [[numbers.join(", "), numbers]] : [];
}

function example(option: OptionInfo): string {
  const first = option.name === "prompt" ? ["castle", "windmill"] : option.kind === "style" ? ["comic:0.5", "comic:1"] : (NUMBERS[option.name] ?? option.choices.slice(0, 2));
  return first.length ? `, such as ${first.join(", ")}` : "";
}
