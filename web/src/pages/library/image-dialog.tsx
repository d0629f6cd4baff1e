import type { LibraryEntry } from "../../api/types";
import { address } from "../../app/router";
import { Dialog } from "../../parts/dialog";

/** An image in full, and what can be begun with it. */
export function ImageDialog({ entry, onClose }: { entry: LibraryEntry; onClose: () => void }) {
  return (
    <Dialog title={entry.title} large onClose={onClose} footer={<>
      <a class="button" href={entry.url} download>Download</a>
      <a class="button main" href={address("choose", null, { image: entry.id })} onClick={onClose}>Choose on from here</a>
    </>}>
      <img class="whole" src={entry.url} alt={entry.prompts.join(", ") || entry.title} width={entry.width} height={entry.height} />
      {entry.prompts.filter((prompt) => prompt !== entry.title).map((prompt) => <p key={prompt} class="quiet">{prompt}</p>)}
    </Dialog>
  );
}
