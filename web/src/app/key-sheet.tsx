import { signal } from "@preact/signals";
import { Dialog } from "../parts/dialog";
import { sections } from "./keys";

export const keySheetOpen = signal(false);

const NAMES: Record<string, string> = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Escape: "Esc", Delete: "Del" };

function spelled(keys: string): string {
  return keys.split(/[+ ]/).map((key) => NAMES[key] ?? (key.length === 1 ? key.toUpperCase() : key)).join(keys.includes(" ") ? " then " : " + ");
}

/** Every shortcut of the page that is open. */
export function KeySheet() {
  if (!keySheetOpen.value) return null;
  return (
    <Dialog title="Keyboard" large onClose={() => (keySheetOpen.value = false)}>
      <div class="key-sheet">
        {[...sections.value].reverse().map((section) => (
          <section key={section.title} class="stack">
            <h3>{section.title}</h3>
            <dl>
              {section.shortcuts.filter((shortcut) => !shortcut.hidden).map((shortcut) => (
                <div key={shortcut.does}>
                  <dt>{shortcut.keys.map((keys) => <kbd key={keys}>{spelled(keys)}</kbd>)}</dt>
                  <dd>{shortcut.does}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
