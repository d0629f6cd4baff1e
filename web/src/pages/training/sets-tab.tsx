import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import { address } from "../../app/router";
import { count } from "../../app/words";
import { Empty, Loading } from "../../parts/feedback";
import { Icon } from "../../parts/icons";
import { Picture, thumbnail } from "../../parts/image";
import { NewSetDialog } from "./new-set-dialog";
import { SetView } from "./set-view";

export function SetsTab({ name }: { name: string | null }) {
  const [adding, setAdding] = useState(false);
  const sets = useQuery("sets", () => api.get("/api/v1/sets"), (event) => event.kind === "set" || event.kind === "upload");
  if (!sets.data) return <Loading error={sets.error} what="the training sets" retry={sets.reload} />;
  const shown = sets.data.find((set) => set.name === name) ?? sets.data[0];
  const dialog = adding && <NewSetDialog onClose={() => { setAdding(false); sets.reload(); }} />;
  if (!shown)
    return (
      <Empty icon="training" title="No training set yet">
        <p>Bring 20 to 500 images in one style. The doctor looks for doubles, odd sizes and thin captions before you spend hours.</p>
        <button class="button main" onClick={() => setAdding(true)}>Bring images …</button>
        {dialog}
      </Empty>
    );
  return (
    <div class="split">
      <div class="stack">
        <ul class="list" aria-label="Training sets">
          {sets.data.map((set) => (
            <li key={set.name}>
              <a href={address("training", set.name, { tab: "sets" })} aria-current={set.name === shown.name ? "true" : undefined}>
                <Picture source={set.cover ? thumbnail(set.cover, 64) : null} alt="" />
                <span class="grow"><span class="clip" style={{ display: "block" }}>{set.name}</span><small class="faint num">{count(set.images, "image")}</small></span>
              </a>
            </li>
          ))}
        </ul>
        <button class="button" onClick={() => setAdding(true)}><Icon name="plus" size={16} />New set …</button>
        {dialog}
      </div>
      <SetView key={shown.name} name={shown.name} />
    </div>
  );
}
