import { useEffect, useRef, useState } from "preact/hooks";
import { api, upload } from "../../api/client";
import { useQuery } from "../../api/query";
import { jobOf, start } from "../../api/queue";
import { address, go } from "../../app/router";
import { say, sayError } from "../../app/toasts";
import { ago, count, freshSeed, timeLeft } from "../../app/words";
import { Field, IconButton, NumberInput, Segmented, Slider } from "../../parts/controls";
import { DropZone } from "../../parts/drop";
import { Loading, Progress } from "../../parts/feedback";
import { frameUrl, Picture, thumbnail } from "../../parts/image";

type Mode = "variation" | "img2img";

/** Where choosing begins: an image brought, generated, or of the library; or a session of before. */
export function BeginView({ image }: { image: string | null }) {
  const [variants, setVariants] = useState(4);
  const [mode, setMode] = useState<Mode>("variation");
  const [strength, setStrength] = useState(0.6);
  const begun = useRef(false);
  const begin = async (from: string) => {
    try {
      const session = await api.post("/api/v1/choose", { body: { image: from, variants, mode, strength, seed: freshSeed() } });
      go("choose", session.id);
    } catch (error) {
      sayError(error);
    }
  };
  const bring = async (file: File | undefined) => {
    if (file) await begin((await upload(file, file.name || "pasted.png")).id);
  };
  useEffect(() => {
    if (image && !begun.current) void begin(image);
    begun.current = begun.current || image !== null;
  }, [image]);
  return (
    <>
      <header class="top"><h1>Choose</h1></header>
      <div class="page">
        <div class="choose-begin">
          <section class="stack wide">
            <h2>Choose each next image by hand</h2>
            <DropZone accept="image/*" label="Pick an image …" onFiles={(files) => void bring(files[0]).catch(sayError)}>
              <p class="quiet">Drop an image here, paste one, or pick one. You are shown variations of it, take one, and go on from there. All that you pass by stays in the tree.</p>
            </DropZone>
          </section>
          <FromPrompt onImage={(digest) => void begin(digest)} />
          <section class="stack wide">
            <h2>What you choose from</h2>
            <Segmented<Mode> label="How the next images are made" value={mode} onChange={setMode} options={[["variation", "Variations"], ["img2img", "Image to image"]]} />
            {mode === "img2img" && <Slider label="Strength: how much may change" min={0.1} max={1} step={0.05} value={strength} onChange={setStrength} text={strength.toFixed(2)} />}
            <Field label="Images a round" hint="Keys 1 to 9 take one">{(id) => <NumberInput id={id} value={variants} min={2} max={9} onCommit={(next) => setVariants(Math.max(2, Math.min(9, next)))} />}</Field>
          </section>
        </div>
        <Sessions />
        <FromLibrary onPick={(digest) => void begin(digest)} />
      </div>
    </>
  );
}

function FromPrompt({ onImage }: { onImage: (digest: string) => void }) {
  const [prompt, setPrompt] = useState("");
  const [started, setStarted] = useState<string | null>(null);
  const job = jobOf(started);
  const images = (job?.result?.["images"] as string[] | undefined) ?? [];
  const draw = () =>
    start({ kind: "draw", prompts: [prompt.trim()], images_per_prompt: 4, seed: freshSeed(), preview: true, settings: {} }, prompt.trim())
      .then((made) => setStarted(made.id)).catch(sayError);
  return (
    <section class="stack wide">
      <h2>Or generate the first one</h2>
      <form class="row tight" onSubmit={(event) => { event.preventDefault(); if (prompt.trim()) void draw(); }}>
        <input class="input" aria-label="Prompt of the first image" placeholder="a cottage on a hill in autumn" value={prompt} onInput={(event) => setPrompt(event.currentTarget.value)} />
        <button class="button" disabled={!prompt.trim() || job?.state === "running"}>Generate 4</button>
      </form>
      {job && job.state !== "done" && (job.error ? <p class="wrong">{job.error}</p> : <><Progress value={job.progress.share} label="First images" /><p class="faint num">{job.state === "queued" ? "in the queue" : timeLeft(job.progress.seconds_left)}</p></>)}
      {images.length > 0 && <ul class="first-images">{images.map((digest, nth) => <li key={digest}><button aria-label={`Begin with image ${nth + 1}`} onClick={() => onImage(digest)}><Picture source={frameUrl(digest)} width={256} alt="" /></button></li>)}</ul>}
    </section>
  );
}

function Sessions() {
  const sessions = useQuery("choose", () => api.get("/api/v1/choose"), (event) => event.kind === "choose");
  if (!sessions.data) return <Loading error={sessions.error} what="the sessions" retry={sessions.reload} />;
  if (!sessions.data.length) return null;
  const remove = async (id: string) => {
    if (!confirm("Delete this session with its tree? Clips made of it stay.")) return;
    try {
      await api.delete("/api/v1/choose/{session}", { path: { session: id } });
      say("Session deleted.");
      sessions.reload();
    } catch (error) {
      sayError(error);
    }
  };
  return (
    <section class="stack wide choose-part">
      <h2>Go on with a session</h2>
      <ul class="cards small">
        {sessions.data.map((session) => (
          <li key={session.id} class="card">
            <a href={address("choose", session.id)}>
              <Picture source={session.cover ? frameUrl(session.cover) : null} width={256} alt="" lazy waiting="no image yet" />
              <strong class="clip">{session.title || "Untitled"}</strong>
              <span class="quiet num">{count(session.nodes, "image")} · {ago(session.updated)}</span>
            </a>
            <IconButton small icon="trash" label={`Delete ${session.title || "this session"}`} onClick={() => void remove(session.id)} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function FromLibrary({ onPick }: { onPick: (digest: string) => void }) {
  const images = useQuery("library/images", () => api.get("/api/v1/library", { query: { kind: "image", limit: 24, order: "newest" } }), (event) => event.kind === "clip");
  if (!images.data?.entries.length) return null;
  return (
    <section class="stack wide choose-part">
      <h2>Or begin with an image of the library</h2>
      <ul class="first-images">
        {images.data.entries.map((entry) => <li key={entry.id}><button aria-label={`Begin with ${entry.title}`} title={entry.title} onClick={() => onPick(entry.id)}><Picture source={thumbnail(entry.thumbnail, 256)} alt="" lazy /></button></li>)}
      </ul>
    </section>
  );
}
