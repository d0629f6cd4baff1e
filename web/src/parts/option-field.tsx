import type { OptionInfo } from "../api/types";
import { Field, Select, TextInput } from "./controls";

/** A setting as the server declares it: its name, range and default come from there. Empty is the default. */
export function OptionField({ option, value, onChange }: { option: OptionInfo; value: unknown; onChange: (value: unknown) => void }) {
  const label = option.name.replaceAll("_", " ").replaceAll("-", " ").replace(/^fps$|^./, (letters) => letters.toUpperCase());
  const standard = option.default_help || (option.default === null || option.default === undefined ? "" : String(option.default));
  const hint = `${option.help}${option.range && option.kind !== "choice" ? ` (${option.range})` : ""}`;
  const shown = value === null || value === undefined ? "" : String(value);
  const numeric = option.kind === "number" || option.kind === "integer";
  if (option.kind === "choice" || option.kind === "switch") {
    const choices = option.kind === "switch" ? ["true", "false"] : option.choices;
    const words = { true: "On", false: "Off", on: "On", off: "Off" } as Record<string, string>;
    return (
      <Field label={label} hint={hint}>
        {(id) => <Select id={id} value={shown} options={[["", `${words[standard] ?? standard} (default)`] as const, ...choices.map((choice) => [choice, words[choice] ?? choice] as const)]} onChange={(next) => onChange(next === "" ? null : option.kind === "switch" ? next === "true" : next)} />}
      </Field>
    );
  }
  if (option.kind === "words") {
    const lines = Array.isArray(value) ? value.join("\n") : shown;
    const read = (text: string) => text.split("\n").map((line) => line.trim()).filter(Boolean);
    return <Field label={label} hint={`${option.help}; one a line`}>{(id) => <TextInput id={id} lines value={lines} placeholder={standard} onCommit={(text) => onChange(read(text).length ? read(text) : null)} />}</Field>;
  }
  return (
    <Field label={label} hint={hint}>
      {(id) => <TextInput id={id} value={shown} placeholder={standard} onCommit={(text) => onChange(text.trim() === "" ? null : numeric && Number.isFinite(Number(text)) ? Number(text) : text)} />}
    </Field>
  );
}
