import { useState } from "preact/hooks";
import { api, upload } from "../../api/client";
import { go } from "../../app/router";
import { sayError } from "../../app/toasts";
import { count } from "../../app/words";
import { Field } from "../../parts/controls";
import { Dialog } from "../../parts/dialog";
import { DropZone } from "../../parts/drop";
import { Note, Progress } from "../../parts/feedback";

/** Images from a folder become a training set; each one that cannot be read is named. */
export function NewSetDialog({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState("");
  const [trigger, setTrigger] = useState("");
  const [holdOut, setHoldOut] = useState(true);
  const [files, setFiles] = useState<File[]>([]);
  const [sent, setSent] = useState<number | null>(null);
  const [refused, setRefused] = useState<string[]>([]);
  const build = async () => {
    setSent(0);
    const ids: string[] = [];
    const problems: string[] = [];
    for (const [place, file] of files.entries()) {
      try {
        ids.push((await upload(file, file.name)).id);
      } catch (error) {
        problems.push(`${file.name}: ${(error as Error).message}`);
      }
      setSent(place + 1);
    }
    setRefused(problems);
    try {
      await api.post("/api/v1/sets", { body: { name, uploads: ids, captions: {}, trigger, holdout: holdOut ? 0.1 : 0 } });
      onClose();
      go("training", name, { tab: "sets" });
    } catch (error) {
      sayError(error);
      setSent(null);
    }
  };
  return (
    <Dialog title="New training set" onClose={onClose} footer={<button class="button main" disabled={!name || !files.length || sent !== null} onClick={() => void build()}>{sent === null ? "Build the set" : `${sent} of ${files.length} sent`}</button>}>
      <Field label="Name" hint="Letters, digits, - and _">{(id) => <input id={id} class="input" value={name} pattern="[A-Za-z0-9][A-Za-z0-9_\-]*" onInput={(event) => setName(event.currentTarget.value)} />}</Field>
      <Field label="Trigger word" hint="A word that calls the style, such as inkwash; may be empty">{(id) => <input id={id} class="input" value={trigger} onInput={(event) => setTrigger(event.currentTarget.value)} />}</Field>
      <label class="check"><input type="checkbox" checked={holdOut} onChange={(event) => setHoldOut(event.currentTarget.checked)} />Hold out a tenth of 10 images or more, so that the training is measured on images it has not seen</label>
      <DropZone multiple accept="image/*" label="Pick images …" onFiles={(more) => setFiles([...files, ...more])}>
        <p class="quiet">{files.length ? count(files.length, "image") : "Drop images here, paste them, or pick them."}</p>
      </DropZone>
      {sent !== null && <Progress value={sent / files.length} label="Sending the images" />}
      {refused.length > 0 && <Note tone="wrong">{refused.map((problem) => <p key={problem}>{problem}</p>)}</Note>}
    </Dialog>
  );
}
