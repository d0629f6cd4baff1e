import { useRef, useState } from "preact/hooks";
import { api } from "../../api/client";
import type { SetImage } from "../../api/types";
import { sayError } from "../../app/toasts";
import { Field, NumberInput } from "../../parts/controls";
import { Dialog } from "../../parts/dialog";

interface Box { left: number; top: number; right: number; bottom: number }
const EDGES = [["left", "Left"], ["top", "Top"], ["right", "Right"], ["bottom", "Bottom"]] as const;
const LEAST = 16;

/** Cut an image of a set: drag over what stays, or give its edges in pixels. */
export function CropDialog({ set, image, onDone, onClose }: { set: string; image: SetImage; onDone: () => void; onClose: () => void }) {
  const { width, height } = image;
  const [box, setBox] = useState<Box>({ left: 0, top: 0, right: width, bottom: height });
  const from = useRef<readonly [number, number] | null>(null);
  const at = (event: PointerEvent): readonly [number, number] => {
    const place = (event.currentTarget as HTMLElement).getBoundingClientRect();
    return [within(((event.clientX - place.left) / place.width) * width, width), within(((event.clientY - place.top) / place.height) * height, height)];
  };
  const drag = (event: PointerEvent) => {
    if (!from.current) return;
    const [x, y] = at(event);
    const [u, v] = from.current;
    setBox({ left: Math.min(u, x), top: Math.min(v, y), right: Math.max(u, x), bottom: Math.max(v, y) });
  };
  const [wide, high] = [box.right - box.left, box.bottom - box.top];
  const whole = wide === width && high === height;
  const crop = async () => {
    try {
      await api.patch("/api/v1/sets/{name}/images/{index}", { path: { name: set, index: image.index }, body: { crop: box } });
      onDone();
      onClose();
    } catch (error) {
      sayError(error);
    }
  };
  const square = () => {
    const side = Math.min(width, height);
    const [left, top] = [Math.round((width - side) / 2), Math.round((height - side) / 2)];
    setBox({ left, top, right: left + side, bottom: top + side });
  };
  return (
    <Dialog title={`Crop ${image.file.split("/").at(-1)}`} large onClose={onClose} footer={<>
      <button class="button" onClick={square}>Square in the middle</button>
      <button class="button main" disabled={whole || wide < LEAST || high < LEAST} onClick={() => void crop()}>Crop to {wide} × {high}</button>
    </>}>
      <div class="crop" style={{ "--ratio": `${width} / ${height}` }}
        onPointerDown={(event) => { from.current = at(event); event.currentTarget.setPointerCapture(event.pointerId); }}
        onPointerMove={drag} onPointerUp={() => { from.current = null; }}>
        <img src={image.url} alt={image.caption || image.file} draggable={false} />
        <i style={{ left: `${(box.left / width) * 100}%`, top: `${(box.top / height) * 100}%`, width: `${(wide / width) * 100}%`, height: `${(high / height) * 100}%` }} aria-hidden="true" />
      </div>
      <div class="grid-4">
        {EDGES.map(([edge, label]) => (
          <Field key={edge} label={label}>{(id) => <NumberInput id={id} value={box[edge]} min={0} max={edge === "left" || edge === "right" ? width : height} onCommit={(value) => setBox({ ...box, [edge]: within(value, edge === "left" || edge === "right" ? width : height) })} />}</Field>
        ))}
      </div>
    </Dialog>
  );
}

function within(value: number, most: number): number {
  return Math.max(0, Math.min(most, Math.round(value)));
}
