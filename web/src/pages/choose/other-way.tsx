import { useState } from "preact/hooks";
import type { ChooseMove } from "../../api/types";
import { Field, Segmented, Slider } from "../../parts/controls";
import { Dialog } from "../../parts/dialog";

type Kind = ChooseMove["kind"];
const WORDS: Record<Kind, string> = {
  variation: "From what the image shows: its content stays, its drawing is free.",
  img2img: "From the image itself: composition stays as far as the strength allows.",
  prompt: "From words: only the noise is shared with the image before.",
};

/** Reroll in another way: variation, image to image, or a prompt. */
export function OtherWay({ onClose, onReroll }: { onClose: () => void; onReroll: (move: ChooseMove) => void }) {
  const [kind, setKind] = useState<Kind>("img2img");
  const [strength, setStrength] = useState(0.6);
  const [prompt, setPrompt] = useState("");
  const move: ChooseMove = kind === "variation" ? { kind } : kind === "img2img" ? { kind, strength, prompt: prompt.trim() } : { kind, prompt: prompt.trim() };
  return (
    <Dialog title="Another way" onClose={onClose} footer={<button class="button main" disabled={kind === "prompt" && !prompt.trim()} onClick={() => onReroll(move)}>Show others</button>}>
      <Segmented<Kind> label="How" value={kind} onChange={setKind} options={[["variation", "Variation"], ["img2img", "Image to image"], ["prompt", "Prompt"]]} />
      <p class="quiet">{WORDS[kind]}</p>
      {kind === "img2img" && <Slider label="Strength" min={0.1} max={1} step={0.05} value={strength} onChange={setStrength} text={strength.toFixed(2)} />}
      {kind !== "variation" && <Field label={kind === "prompt" ? "Prompt" : "Prompt (may be empty)"}>{(id) => <textarea id={id} class="input" rows={2} value={prompt} onInput={(event) => setPrompt(event.currentTarget.value)} />}</Field>}
    </Dialog>
  );
}
