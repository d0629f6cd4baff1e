import { useLayoutEffect, useRef } from "preact/hooks";
import { signal } from "@preact/signals";

/** One shortcut: the key as `KeyboardEvent.key` names it, with "Ctrl+" and "Shift+" in front, and what it does, in words. */
export interface Shortcut {
  keys: string[];
  does: string;
  run: (key: string, event: KeyboardEvent) => void;
  /** Not listed on the `?` sheet, since another row stands for it. */
  hidden?: boolean;
}
export interface Section {
  title: string;
  shortcuts: Shortcut[];
}

export const sections = signal<Section[]>([]);

function chord(event: KeyboardEvent): string {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const shift = event.shiftKey && (event.key.length > 1 || /[a-z]/i.test(event.key)) ? "Shift+" : "";
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${event.altKey ? "Alt+" : ""}${shift}${key === " " ? "Space" : key}`;
}

/** Whether a key belongs to the element in focus: text fields take all but chords, sliders take arrows, buttons take Space and Enter. */
function takenBy(target: EventTarget | null, pressed: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest("dialog")) return true;
  if (target instanceof HTMLInputElement && ["checkbox", "radio", "button"].includes(target.type)) return pressed === "Space";
  if (target instanceof HTMLInputElement && target.type === "range") return /Arrow|Home|End|Page/.test(pressed);
  if (target.matches("input, textarea, select, [contenteditable]")) return !/^(Ctrl\+Enter|Escape)$/.test(pressed);
  return target.matches("button, a, summary") && /^(Space|Enter)$/.test(pressed);
}

const SEQUENCE = 1000;
let leader = -Infinity;

/** The chord, with "g " in front when G was pressed within the last second. */
function withLeader(pressed: string): string {
  const follows = performance.now() - leader < SEQUENCE;
  leader = pressed === "g" && !follows ? performance.now() : -Infinity;
  return follows ? `g ${pressed}` : pressed;
}

addEventListener("keydown", (event) => {
  if (event.defaultPrevented || takenBy(event.target, chord(event))) return;
  const pressed = withLeader(chord(event));
  for (const section of [...sections.value].reverse()) {
    const found = section.shortcuts.find((shortcut) => shortcut.keys.includes(pressed));
    if (!found) continue;
    event.preventDefault();
    found.run(pressed, event);
    return;
  }
});

/** Offer shortcuts while a component is shown; the section stands on the `?` sheet under its title. */
export function useShortcuts(title: string, shortcuts: Shortcut[]): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  useLayoutEffect(() => {
    const section: Section = {
      title,
      get shortcuts() {
        return latest.current;
      },
    };
    sections.value = [...sections.value, section];
    return () => {
      sections.value = sections.value.filter((other) => other !== section);
    };
  }, [title]);
}
