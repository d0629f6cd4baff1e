import type { Shot } from "../../api/types";

type Camera = Shot["camera"];
export type CameraName = "still" | "in" | "out" | "left" | "right" | "up" | "down" | "custom";

const STILL = { zoom: 1, pan: [0, 0] as [number, number], rotate: 0 };

/** Moves by name; "custom" is any other. */
export const CAMERA_MOVES: { name: CameraName; words: string; camera?: Omit<Camera, "parallax"> }[] = [
  { name: "still", words: "Still", camera: STILL },
  { name: "in", words: "Push in", camera: { ...STILL, zoom: 1.2 } },
  { name: "out", words: "Pull out", camera: { ...STILL, zoom: 0.85 } },
  { name: "left", words: "Pan left", camera: { ...STILL, pan: [-0.2, 0] } },
  { name: "right", words: "Pan right", camera: { ...STILL, pan: [0.2, 0] } },
  { name: "up", words: "Tilt up", camera: { ...STILL, pan: [0, -0.2] } },
  { name: "down", words: "Tilt down", camera: { ...STILL, pan: [0, 0.2] } },
  { name: "custom", words: "Custom …" },
];

/** The name of a move: by its kind and direction, however far it goes. */
export function cameraMove({ zoom, pan: [x, y], rotate }: Camera): CameraName {
  if (rotate || (x && y) || (zoom !== 1 && (x || y))) return "custom";
  if (zoom !== 1) return zoom > 1 ? "in" : "out";
  if (x) return x < 0 ? "left" : "right";
  return y ? (y < 0 ? "up" : "down") : "still";
}
