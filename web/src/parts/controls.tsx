import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icons";

export function IconButton({ icon, label, onClick, small = false, pressed, disabled = false, filled = false, className = "plain" }: {
  icon: IconName; label: string; onClick: () => void; small?: boolean; pressed?: boolean; disabled?: boolean; filled?: boolean; className?: string;
}) {
  return (
    <button class={`button icon ${className} ${small ? "small" : ""}`} aria-label={label} title={label} aria-pressed={pressed} disabled={disabled} onClick={onClick}>
      <Icon name={icon} size={small ? 16 : 20} filled={filled} />
    </button>
  );
}

export function Field({ label, hint, wrong, children }: { label: string; hint?: string | undefined; wrong?: string | undefined; children: (id: string) => ComponentChildren }) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id)}
      {wrong ? <p class="wrong">{wrong}</p> : hint && <p class="hint">{hint}</p>}
    </div>
  );
}

/** A text that is sent when it is left or confirmed, so that nothing is sent per letter. */
export function TextInput({ id, value, onCommit, label, placeholder, lines = false, invalid = false }: {
  id?: string; value: string; onCommit: (value: string) => void; label?: string; placeholder?: string; lines?: boolean; invalid?: boolean;
}) {
  const [text, setText] = useState(value);
  const editing = useRef(false);
  useEffect(() => { if (!editing.current) setText(value); }, [value]);
  const commit = () => { editing.current = false; if (text !== value) onCommit(text); };
  const shared = {
    id, class: "input", value: text, placeholder, "aria-label": label, "aria-invalid": invalid,
    onFocus: () => { editing.current = true; },
    onInput: (event: Event) => setText((event.currentTarget as HTMLInputElement).value),
    onBlur: commit,
  };
  if (lines) return <textarea {...shared} rows={2} onKeyDown={(event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) commit(); }} />;
  return <input {...shared} type="text" onKeyDown={(event) => { if (event.key === "Enter") commit(); }} />;
}

export function NumberInput({ id, value, onCommit, label, min, max, step = 1, disabled = false }: {
  id?: string; value: number | null; onCommit: (value: number) => void; label?: string; min?: number; max?: number; step?: number | "any"; disabled?: boolean;
}) {
  const [text, setText] = useState(value === null ? "" : String(value));
  useEffect(() => setText(value === null ? "" : String(value)), [value]);
  const commit = () => {
    const number = Number(text);
    if (text.trim() === "" || !Number.isFinite(number)) setText(value === null ? "" : String(value));
    else if (number !== value) onCommit(number);
  };
  return (
    <input id={id} class="input num" type="number" aria-label={label} value={text} min={min} max={max} step={step} disabled={disabled}
      onInput={(event) => setText(event.currentTarget.value)} onBlur={commit} onKeyDown={(event) => { if (event.key === "Enter") commit(); }} />
  );
}

export function Select<T extends string>({ id, value, options, onChange, label }: {
  id?: string; value: T; options: readonly (readonly [T, string])[]; onChange: (value: T) => void; label?: string;
}) {
  return (
    <select id={id} class="input" aria-label={label} value={value} onChange={(event) => onChange(event.currentTarget.value as T)}>
      {options.map(([key, words]) => <option key={key} value={key}>{words}</option>)}
    </select>
  );
}

export function Segmented<T extends string>({ value, options, onChange, label }: {
  value: T; options: readonly (readonly [T, string])[]; onChange: (value: T) => void; label: string;
}) {
  return (
    <div class="segmented" role="group" aria-label={label}>
      {options.map(([key, words]) => (
        <button key={key} type="button" aria-pressed={key === value} onClick={() => onChange(key)}>{words}</button>
      ))}
    </div>
  );
}

export function Slider({ label, value, min, max, step, onChange, onCommit, text }: {
  label: string; value: number; min: number; max: number; step: number; onChange?: (value: number) => void; onCommit?: (value: number) => void; text?: string;
}) {
  const [shown, setShown] = useState(value);
  useEffect(() => setShown(value), [value]);
  return (
    <Field label={label}>
      {(id) => (
        <div class="row tight">
          <input id={id} type="range" min={min} max={max} step={step} value={shown} aria-valuetext={text}
            onInput={(event) => { const now = Number(event.currentTarget.value); setShown(now); onChange?.(now); }}
            onChange={(event) => onCommit?.(Number(event.currentTarget.value))} />
          <output class="num quiet" style={{ minWidth: "4ch", textAlign: "right" }}>{text ?? shown}</output>
        </div>
      )}
    </Field>
  );
}
