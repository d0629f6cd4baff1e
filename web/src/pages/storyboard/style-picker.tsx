import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import type { Style } from "../../api/types";
import { Slider } from "../../parts/controls";
import { Dialog } from "../../parts/dialog";
import { Empty, Loading } from "../../parts/feedback";
import { Picture } from "../../parts/image";

/** Styles with weights, as film.toml writes them: "comic:0.8, cel". */
export function readStyles(text: string): Map<string, number> {
  const pairs = text.split(",").map((piece) => piece.trim()).filter(Boolean);
  return new Map(pairs.map((piece) => { const [name = "", weight] = piece.split(":"); return [name.trim(), weight === undefined ? 1 : Number(weight)]; }));
}

export function writeStyles(styles: ReadonlyMap<string, number>): string {
  return [...styles].map(([name, weight]) => (weight === 1 ? name : `${name}:${weight}`)).join(", ");
}

/** A button that names the style and opens the picker. */
export function StyleButton({ value, onChange, whole = false }: { value: string | null; onChange: (value: string | null) => void; whole?: boolean }) {
  const [open, setOpen] = useState(false);
  const words = value === null ? (whole ? "no style" : "as the film") : value === "" ? "no style" : value;
  return (
    <div class="field">
      <span aria-hidden="true">Style</span>
      <button class="button style-button" aria-label={`Style: ${words}`} onClick={() => setOpen(true)}><span class="clip">{words}</span></button>
      {open && <StylePicker value={value} onChange={onChange} onClose={() => setOpen(false)} whole={whole} />}
    </div>
  );
}

function StylePicker({ value, onChange, onClose, whole }: { value: string | null; onChange: (value: string | null) => void; onClose: () => void; whole: boolean }) {
  const styles = useQuery("styles", () => api.get("/api/v1/styles"), (event) => event.kind === "style" || event.kind === "run");
  const [chosen, setChosen] = useState(() => readStyles(value ?? ""));
  const toggle = (style: Style) => {
    const next = new Map(chosen);
    if (!next.delete(style.name)) next.set(style.name, style.weight);
    setChosen(next);
  };
  const keep = (next: string | null) => { onChange(next); onClose(); };
  return (
    <Dialog title="Style" large onClose={onClose}
      footer={<>
        {!whole && <button class="button" onClick={() => keep(null)}>As the film</button>}
        <button class="button" onClick={() => keep(whole ? null : "")}>No style</button>
        <button class="button main" disabled={!chosen.size} onClick={() => keep(writeStyles(chosen))}>Use {chosen.size > 1 ? `${chosen.size} styles` : "this style"}</button>
      </>}>
      {!styles.data ? <Loading error={styles.error} what="the styles" retry={styles.reload} />
        : !styles.data.length ? <Empty icon="training" title="No styles for this model yet"><p>Train one on the Training page, or put a LoRA into the styles folder.</p></Empty>
        : <ul class="styles">
            {styles.data.map((style) => (
              <li key={style.name} class={chosen.has(style.name) ? "chosen" : ""}>
                <button aria-pressed={chosen.has(style.name)} onClick={() => toggle(style)}>
                  <Picture source={style.thumbnail ?? null} alt="" ratio={2} waiting="no sample" lazy sheet />
                  <span class="row tight"><strong class="clip">{style.name}</strong><span class="faint clip push">{style.trigger}</span></span>
                </button>
                {chosen.has(style.name) && <Slider label={`Weight of ${style.name}`} min={0} max={1.5} step={0.05} value={chosen.get(style.name) ?? 1} onChange={(weight) => setChosen(new Map(chosen).set(style.name, weight))} />}
              </li>
            ))}
          </ul>}
    </Dialog>
  );
}
