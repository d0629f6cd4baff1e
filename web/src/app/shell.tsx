import type { ComponentType } from "preact";
import { line } from "../api/events";
import { running, unfinished } from "../api/queue";
import { IconButton } from "../parts/controls";
import { Icon, type IconName } from "../parts/icons";
import { ChoosePage } from "../pages/choose/choose-page";
import { GridPage } from "../pages/grid/grid-page";
import { LibraryPage } from "../pages/library/library-page";
import { QueuePage } from "../pages/queue/queue-page";
import { StoryboardPage } from "../pages/storyboard/storyboard-page";
import { TimelinePage } from "../pages/timeline/timeline-page";
import { TrainingPage } from "../pages/training/training-page";
import { KeySheet, keySheetOpen } from "./key-sheet";
import { useShortcuts } from "./keys";
import { address, go, PAGES, page, type Page } from "./router";
import { nextTheme, theme } from "./theme";
import { Toasts } from "./toasts";

const NAMES: Record<Page, { title: string; icon: IconName; key: string; view: ComponentType }> = {
  storyboard: { title: "Storyboard", icon: "storyboard", key: "s", view: StoryboardPage },
  choose: { title: "Choose", icon: "choose", key: "c", view: ChoosePage },
  grid: { title: "Grid", icon: "grid", key: "x", view: GridPage },
  timeline: { title: "Timeline", icon: "timeline", key: "t", view: TimelinePage },
  library: { title: "Library", icon: "library", key: "l", view: LibraryPage },
  training: { title: "Training", icon: "training", key: "r", view: TrainingPage },
  queue: { title: "Queue", icon: "queue", key: "q", view: QueuePage },
};
const THEME_ICONS = { system: "auto", dark: "moon", light: "sun" } as const;

export function Shell() {
  useShortcuts("Everywhere", [
    ...PAGES.map((name) => ({ keys: [`g ${NAMES[name].key}`], does: `Go to ${NAMES[name].title}`, run: () => go(name) })),
    { keys: ["?"], does: "Show the keys of this page", run: () => (keySheetOpen.value = true) },
    { keys: ["Ctrl+j"], does: "Change between dark, light and the system's theme", run: nextTheme },
  ]);
  const View = NAMES[page.value].view;
  document.title = `${NAMES[page.value].title} · sakuga studio`;
  return (
    <div class="shell">
      <a class="button skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById("main")?.focus(); }}>Skip to the page</a>
      <Rail />
      <main id="main" class="view" tabIndex={-1} key={page.value}>
        {line.value === "lost" && <p class="line-state" role="status">The server does not answer. Trying again …</p>}
        <View />
      </main>
      <KeySheet />
      <Toasts />
    </div>
  );
}

function Rail() {
  const waiting = unfinished.value.length;
  return (
    <nav class="rail" aria-label="Pages">
      {PAGES.map((name) => (
        <a key={name} href={address(name)} aria-current={name === page.value ? "page" : undefined}>
          <Icon name={NAMES[name].icon} />
          {name === "storyboard" ? <span>Story<span class="tail">board</span></span> : NAMES[name].title}
          {name === "queue" && waiting > 0 && (
            <span class={`count ${running.value.length ? "" : "held"}`} aria-label={`${waiting} unfinished`}>{waiting}</span>
          )}
        </a>
      ))}
      <div class="foot">
        <IconButton icon={THEME_ICONS[theme.value]} label={`Theme: ${theme.value}`} onClick={nextTheme} />
        <IconButton icon="keyboard" label="Keys of this page" onClick={() => (keySheetOpen.value = true)} />
      </div>
    </nav>
  );
}
