import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import { start } from "../../api/queue";
import type { Style } from "../../api/types";
import { address } from "../../app/router";
import { say, sayError } from "../../app/toasts";
import { Empty, Loading } from "../../parts/feedback";
import { Picture } from "../../parts/image";
import { AgainstDialog } from "./against-dialog";
import { BlendPanel } from "./blend-panel";

/** Have a style measured against the base model; what to read comes to Reports. */
function evaluate(style: Style): Promise<void> {
  const request = { kind: "evaluate" as const, subject: style.name, count: 8, seeds: 2, settings: {} };
  return start(request, `Evaluate ${style.name}`).then(() => say("The evaluation is in the queue; its report comes to Reports.")).catch(sayError);
}

/** Styles with their sample strips; base against style, and blends of two. */
export function StylesTab() {
  const [against, setAgainst] = useState<Style | null>(null);
  const styles = useQuery("styles", () => api.get("/api/v1/styles"), (event) => event.kind === "style" || event.kind === "run");
  if (!styles.data) return <Loading error={styles.error} what="the styles" retry={styles.reload} />;
  if (!styles.data.length) return <Empty icon="training" title="No styles yet"><p>Train one on a set of images; it appears here with its samples.</p><a class="button main" href={address("training", null, { tab: "sets" })}>Choose a training set</a></Empty>;
  return (
    <div class="stack wide">
      <p class="quiet">In each strip, the base model stands above and the style below, at the same seeds.</p>
      <ul class="cards">
        {styles.data.map((style) => (
          <li key={style.name} class="stack">
            <Picture source={style.thumbnail ?? null} alt={`Samples of ${style.name}`} ratio={2} waiting="no sample" lazy sheet />
            <div class="row tight"><span class="grow"><strong class="clip" style={{ display: "block" }}>{style.name}</strong><small class="faint clip" style={{ display: "block" }}>{style.trigger ? `“${style.trigger}”` : style.place}</small></span>
              <button class="button small" onClick={() => setAgainst(style)}>Against base</button>
              <button class="button small" onClick={() => void evaluate(style)}>Evaluate</button></div>
          </li>
        ))}
      </ul>
      {styles.data.length > 1 && <BlendPanel styles={styles.data} onBlended={styles.reload} />}
      {against && <AgainstDialog style={against} onClose={() => setAgainst(null)} />}
    </div>
  );
}
