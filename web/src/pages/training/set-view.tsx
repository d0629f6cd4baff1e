import { useEffect, useState } from "preact/hooks";
import { api } from "../../api/client";
import { listen } from "../../api/events";
import { useQuery } from "../../api/query";
import type { SetDetails, SetImage, SetImageChange } from "../../api/types";
import { say, sayError } from "../../app/toasts";
import { count, timeLeft } from "../../app/words";
import { IconButton, NumberInput, Select, TextInput } from "../../parts/controls";
import { Loading, Note, Progress } from "../../parts/feedback";
import { Picture, thumbnail } from "../../parts/image";
import { CropDialog } from "./crop-dialog";
import { TrainDialog } from "./train-dialog";

const KINDS = [["portrait", "Portrait"], ["figure", "Figure"], ["landscape", "Landscape"]] as const;
type Kind = (typeof KINDS)[number][0];

/** A training set as the doctor sees it; captions, crops and balance are mended in place. */
export function SetView({ name }: { name: string }) {
  const [training, setTraining] = useState(false);
  const [suspects, setSuspects] = useState(false);
  const [cropping, setCropping] = useState<SetImage | null>(null);
  const [version, setVersion] = useState(0);
  const set = useQuery(`set/${name}`, () => api.get("/api/v1/sets/{name}", { path: { name } }), (event) => event.kind === "set" && event.subject === name);
  const doctor = useQuery(`doctor/${name}`, () => api.get("/api/v1/sets/{name}", { path: { name }, query: { inspect: true } }));
  if (!set.data) return <Loading error={set.error} what="this set" retry={set.reload} />;
  const { data } = set;
  const found = new Map((doctor.data?.images ?? []).map((image) => [image.file, image]));
  const findings = (image: SetImage) => found.get(image.file)?.findings ?? [];
  const attempt = async (work: () => Promise<unknown>, words = "") => {
    try {
      await work();
      if (words) say(words);
      set.reload();
    } catch (error) {
      sayError(error);
    }
  };
  const change = (image: SetImage, body: Partial<SetImageChange>) => attempt(() => api.patch("/api/v1/sets/{name}/images/{index}", { path: { name, index: image.index }, body }));
  const remove = (image: SetImage) => attempt(() => api.delete("/api/v1/sets/{name}/images/{index}", { path: { name, index: image.index } }), `${image.file} is taken out of the set.`);
  const balance = () => attempt(() => api.post("/api/v1/sets/{name}/balance", { path: { name }, body: {} }), "Images are repeated so that each kind counts the same.");
  const kindOf = (image: SetImage) => image.composition ?? found.get(image.file)?.composition ?? null;
  const withFindings = data.images.filter((image) => findings(image).length);
  return (
    <section class="stack wide" aria-label={name}>
      <div class="row wide">
        <h2>{name}</h2>
        <span class="faint num">{count(data.images.length, "image")}</span>
        {withFindings.length > 0 && <label class="check"><input type="checkbox" checked={suspects} onChange={(event) => setSuspects(event.currentTarget.checked)} />Only the {withFindings.length} with findings</label>}
        <button class="button main push" onClick={() => setTraining(true)}>Train a style …</button>
      </div>
      <Verdict name={name} set={doctor.data ?? null} error={doctor.error} onAgain={doctor.reload} />
      <Balance images={data.images} kindOf={kindOf} onBalance={() => void balance()} />
      <ul class="doctor">
        {(suspects ? withFindings : data.images).map((image) => (
          <li key={image.index + image.file}>
            <Picture source={`${thumbnail(image.url, 256)}&v=${version}`} alt={image.caption || image.file} lazy>
              <span class="over-right">
                <IconButton small icon="sliders" className="" label={`Crop ${image.file}`} onClick={() => setCropping(image)} />
                <IconButton small icon="trash" className="" label={`Take ${image.file} out of the set`} onClick={() => void remove(image)} />
              </span>
            </Picture>
            <TextInput lines label={`Caption of ${image.file}`} value={image.caption} placeholder="no caption" onCommit={(text) => void change(image, { caption: text })} />
            <div class="joined">
              <Select<Kind | ""> label={`What ${image.file} shows`} value={kindOf(image) ?? ""} options={[...(kindOf(image) ? [] : [["", "Kind …"] as const]), ...KINDS]} onChange={(kind) => { if (kind) void change(image, { composition: kind }); }} />
              <span class="times" title="Times in one epoch">×<NumberInput label={`Times of ${image.file} in one epoch`} value={image.repeats ?? 1} min={1} max={1000} onCommit={(repeats) => void change(image, { repeats })} /></span>
            </div>
            {image.held_out && <small class="badge">held out</small>}
            {findings(image).map((finding) => <small key={finding} class="badge amber" style={{ whiteSpace: "normal" }}>{finding}</small>)}
          </li>
        ))}
      </ul>
      {cropping && <CropDialog set={name} image={cropping} onClose={() => setCropping(null)} onDone={() => { setVersion(version + 1); set.reload(); }} />}
      {training && <TrainDialog set={name} onClose={() => setTraining(false)} />}
    </section>
  );
}

interface Look {
  done: number;
  total: number;
  seconds_left: number;
}

/** How far the doctor is with a set; null while nobody has it looked at. */
function useLook(name: string): Look | null {
  const [look, setLook] = useState<Look | null>(null);
  useEffect(() => listen((event) => {
    if (event.kind === "doctor" && event.subject === name) setLook(event.data["ended"] ? null : (event.data as unknown as Look));
  }), [name]);
  return look;
}

function Verdict({ name, set, error, onAgain }: { name: string; set: SetDetails | null; error: Error | null; onAgain: () => void }) {
  const look = useLook(name);
  const again = <button class="button small" onClick={onAgain}>Look again</button>;
  if (error) return <Note tone="wrong"><p>{error.message}</p>{again}</Note>;
  if (look || !set) return <Looking look={look} />;
  return (
    <Note {...(set.verdict === "ready" ? {} : { tone: "warn" as const })}>
      <div class="row"><strong class="grow">The doctor says: {set.verdict}</strong>{again}</div>
      <ul class="points">{set.findings.map((finding) => <li key={finding}>{finding}</li>)}</ul>
    </Note>
  );
}

function Looking({ look }: { look: Look | null }) {
  const words = look ? `${look.done} of ${look.total} · ${timeLeft(look.seconds_left)}` : "getting ready";
  return (
    <Note>
      <div class="row"><span role="status">The doctor is looking at the images …</span><span class="num push">{words}</span></div>
      <Progress value={look ? look.done / look.total : 0} label="Images that the doctor has seen" />
    </Note>
  );
}

/** How often each kind of image comes in one epoch. */
function Balance({ images, kindOf, onBalance }: { images: readonly SetImage[]; kindOf: (image: SetImage) => Kind | null; onBalance: () => void }) {
  const times = (kind: Kind) => images.reduce((sum, image) => sum + (kindOf(image) === kind && !image.held_out ? (image.repeats ?? 1) : 0), 0);
  const shown = KINDS.map(([kind, words]) => [words, times(kind)] as const).filter(([, sum]) => sum > 0);
  if (!shown.length) return null;
  const even = new Set(shown.map(([, sum]) => sum)).size === 1;
  return (
    <div class="row balance" role="group" aria-label="Balance of an epoch">
      {shown.map(([words, sum]) => <span key={words} class="quiet num">{words} {sum}</span>)}
      {shown.length > 1 && <button class="button small" disabled={even} onClick={onBalance}>{even ? "Balanced" : "Balance by repeats"}</button>}
    </div>
  );
}
