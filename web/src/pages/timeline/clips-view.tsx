import { api, upload } from "../../api/client";
import { useQuery } from "../../api/query";
import { address, go } from "../../app/router";
import { sayError } from "../../app/toasts";
import { ago, count, duration } from "../../app/words";
import { DropZone } from "../../parts/drop";
import { Empty, Loading } from "../../parts/feedback";
import { Picture, thumbnail } from "../../parts/image";

/** Every clip that can be opened on the timeline. */
export function ClipsView() {
  const clips = useQuery("clips", () => api.get("/api/v1/clips"), (event) => event.kind === "clip");
  const open = async (file: File | undefined) => {
    if (!file) return;
    const brought = await upload(file, file.name);
    if (brought.kind === "film") return go("storyboard", (await api.post("/api/v1/projects", { body: { clip: brought.id } })).id);
    go("timeline", (await api.post("/api/v1/clips", { body: { upload: brought.id } })).id);
  };
  return (
    <>
      <header class="top">
        <h1>Timeline</h1>
        <DropZone accept=".gif,.webp,.mp4,.png,.apng,.webm,.toml" label="Open a clip …" onFiles={(files) => void open(files[0]).catch(sayError)}>{null}</DropZone>
      </header>
      <div class="page">
        {!clips.data ? <Loading error={clips.error} what="your clips" retry={clips.reload} />
          : !clips.data.length ? (
            <Empty icon="timeline" title="No clip yet">
              <p>Render a film on the Storyboard page, and its frames stand here in time: to play, to mark, to redo one by one.</p>
              <a class="button main" href={address("storyboard")}>Begin with an idea</a>
            </Empty>
          ) : (
            <ul class="cards">
              {clips.data.filter((clip) => clip.frames > 1).map((clip) => (
                <li key={clip.id} class="card">
                  <a href={address("timeline", clip.id)}>
                    <Picture source={thumbnail(clip.cover, 512)} alt="" ratio={1.5} lazy />
                    <strong class="clip">{clip.title}</strong>
                    <span class="quiet num">{count(clip.frames, "frame")} · {duration(clip.seconds)} · {ago(clip.created)}</span>
                  </a>
                </li>
              ))}
            </ul>
          )}
      </div>
    </>
  );
}
