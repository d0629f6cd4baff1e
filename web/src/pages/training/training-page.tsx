import { useShortcuts } from "../../app/keys";
import { address, go, place } from "../../app/router";
import { ReportsTab } from "./reports-tab";
import { RunsTab } from "./runs-tab";
import { SetsTab } from "./sets-tab";
import { StudiesTab } from "./studies-tab";
import { StylesTab } from "./styles-tab";

const TABS = [["sets", "Training sets"], ["runs", "Trainings"], ["styles", "Styles"], ["studies", "Studies"], ["reports", "Reports"]] as const;
type Tab = (typeof TABS)[number][0];

/** From images to a style: check the set, train, watch, compare. */
export function TrainingPage() {
  const { id, query } = place.value;
  const tab = TABS.find(([name]) => name === query.get("tab"))?.[0] ?? "sets";
  const open = (name: Tab) => go("training", null, { tab: name });
  useShortcuts("Training", [
    { keys: ["["], does: "Tab before", run: () => open(beside(tab, -1)) },
    { keys: ["]"], does: "Next tab", run: () => open(beside(tab, 1)) },
  ]);
  return (
    <>
      <header class="top"><h1>Training</h1></header>
      <nav class="tabs" aria-label="Training">
        {TABS.map(([name, words]) => <a key={name} href={address("training", null, { tab: name })} aria-current={name === tab ? "page" : undefined}>{words}</a>)}
      </nav>
      <div class="page">
        {tab === "sets" ? <SetsTab name={id} /> : tab === "runs" ? <RunsTab name={id} /> : tab === "styles" ? <StylesTab /> : tab === "studies" ? <StudiesTab id={id} /> : <ReportsTab id={id} />}
      </div>
    </>
  );
}

function beside(tab: Tab, step: number): Tab {
  const place = TABS.findIndex(([name]) => name === tab);
  return TABS[(place + step + TABS.length) % TABS.length]?.[0] ?? "sets";
}
