import { useState } from "preact/hooks";
import { api } from "../../api/client";
import { useQuery } from "../../api/query";
import type { SetDetails, SetImage } from "../../api/types";
import { say, sayError } from "../../app/toasts";
import { count } from "../../app/words";
import { IconButton, TextInput } from "../../parts/controls";
import { Loading, Note } from "../../parts/feedback";
import { Picture, thumbnail } from "../../parts/image";
import { TrainDialog } from "./train-dialog";

/** A training set as the doctor sees it; captions are mended in place. */
export function SetView({ name }: { name: string }) {
  const [training, setTraining] = useState(false);
  const [suspects, setSuspects] = useState(false);
  const set = useQuery(`set/${name}`, () => api.get("/api/v1/sets/{name}", { path: { name } }), (event) => event.kind === "set" && event.subject === name);
  if (!set.data) return <Loading error={set.error} what="this set" retry={set.reload} />;
  const { data } = set;
  const caption = async (image: SetImage, text: string) => {
    try {
      await api.patch("/api/v1/sets/{name}/images/{index}", { path: { name, index: image.index }, body: { caption: text } });
      set.reload();
    } catch (error) {
      sayError(error);
    }
  };
  const remove = async (image: SetImage) => {
    try {
      await api.delete("/api/v1/sets/{name}/images/{index}", { path: { name, index: image.index } });
      say(`${image.file} is taken out of the set.`);
      set.reload();
    } catch (error) {
      sayError(error);
    }
  };
  const withFindings = data.images.filter((image) => image.findings.length);
  return (
    <section class="stack wide" aria-label={name}>
      <div class="row wide">
        <h2>{name}</h2>
        <span class="faint num">{count(data.images.length, "image")}</span>
        {withFindings.length > 0 && <label class="check"><input type="checkbox" checked={suspects} onChange={(event) => setSuspects(event.currentTarget.checked)} />Only the {withFindings.length} with findings</label>}
        <button class="button main push" onClick={() => setTraining(true)}>Train a style …</button>
      </div>
      <Verdict set={data} />
      <ul class="doctor">
        {(suspects ? withFindings : data.images).map((image) => (
          <li key={image.index + image.file}>
            <Picture source={thumbnail(image.url, 256)} alt={image.caption || image.file} lazy>
              <span class="over-right"><IconButton small icon="trash" className="" label={`Take ${image.file} out of the set`} onClick={() => void remove(image)} /></span>
            </Picture>
            <TextInput lines label={`Caption of ${image.file}`} value={image.caption} placeholder="no caption" onCommit={(text) => void caption(image, text)} />
            {image.findings.map((finding) => <small key={finding} class="badge amber" style={{ whiteSpace: "normal" }}>{finding}</small>)}
          </li>
        ))}
      </ul>
      {training && <TrainDialog set={name} onClose={() => setTraining(false)} />}
    </section>
  );
}

function Verdict({ set }: { set: SetDetails }) {
  if (!set.findings.length) return <Note>{set.verdict || "The doctor finds nothing to mend."}</Note>;
  return <Note tone="warn"><p>{set.verdict}</p><ul>{set.findings.map((finding) => <li key={finding}>{finding}</li>)}</ul></Note>;
}
