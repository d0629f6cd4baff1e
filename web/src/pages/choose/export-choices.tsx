import { useState } from "preact/hooks";
import type { ChooseNode, Format } from "../../api/types";
import { count } from "../../app/words";
import { Segmented } from "../../parts/controls";
import { Dialog } from "../../parts/dialog";
import { frameUrl, thumbnail } from "../../parts/image";

/** The way chosen so far as a clip, with in-betweens as `vary` makes them. */
export function ExportChoices({ path, session, onClose, onExport }: { path: readonly ChooseNode[]; session: string; onClose: () => void; onExport: (format: Format) => void }) {
  const [format, setFormat] = useState<Format>("gif");
  return (
    <Dialog title="Make a clip" large onClose={onClose} footer={<>
      <a class="button" href={`/api/v1/choose/${session}/log`} download>Download the decisions</a>
      <button class="button main" onClick={() => onExport(format)}>Make the clip</button>
    </>}>
      <p class="quiet">{count(path.length, "image")} on the way, with in-betweens from each to the next.</p>
      <ul class="first-images way">{path.map((node) => <li key={node.id}>{node.digest && <img src={thumbnail(frameUrl(node.digest), 128)} alt={`Image ${node.id}`} />}</li>)}</ul>
      <Segmented<Format> label="Format" value={format} onChange={setFormat} options={[["gif", "GIF"], ["webp", "WebP"], ["mp4", "MP4"], ["apng", "APNG"]]} />
    </Dialog>
  );
}
