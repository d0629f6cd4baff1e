import { useEffect, useMemo, useRef } from "preact/hooks";
import { FrameLoader } from "./frame-loader";

/** A clip on a canvas, shown at its real rate: the clock decides the frame, so a slow machine skips and never lags. */
export function Player({ sources, rate, playing, loop, index, width, height, onFrame, onEnd, onion = 0 }: {
  sources: readonly string[]; rate: number; playing: boolean; loop: boolean; index: number; width: number; height: number;
  onFrame: (index: number) => void; onEnd: () => void; onion?: number;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const loader = useMemo(() => new FrameLoader(), []);
  const at = useRef(index);
  at.current = index;

  useEffect(() => {
    loader.ahead(sources, index, 24);
    const draw = () => paint(canvas.current, loader, sources, at.current, onion);
    draw();
    const source = sources[index];
    const image = source ? loader.get(source) : null;
    if (!image || image.complete) return;
    image.addEventListener("load", draw, { once: true });
    return () => image.removeEventListener("load", draw);
  }, [index, sources, onion]);

  useEffect(() => {
    if (!playing) return;
    let request = 0;
    const begin = at.current >= sources.length - 1 ? 0 : at.current;
    const origin = performance.now();
    const tick = (now: number) => {
      const next = begin + Math.floor((Math.max(0, now - origin) / 1000) * rate);
      if (next >= sources.length && !loop) return onEnd();
      if (next % sources.length !== at.current) onFrame(next % sources.length);
      request = requestAnimationFrame(tick);
    };
    request = requestAnimationFrame(tick);
    return () => cancelAnimationFrame(request);
  }, [playing, loop, rate, sources]);

  return <canvas ref={canvas} class="player" width={width} height={height} role="img" aria-label={`Frame ${index + 1} of ${sources.length}`} />;
}

function paint(canvas: HTMLCanvasElement | null, loader: FrameLoader, sources: readonly string[], index: number, onion: number): void {
  const context = canvas?.getContext("2d");
  if (!canvas || !context) return;
  const put = (place: number, alpha: number) => {
    const source = sources[place];
    const image = source ? loader.get(source) : null;
    if (!image?.complete || !image.naturalWidth) return;
    context.globalAlpha = alpha;
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
  };
  put(index, 1);
  if (onion > 0) {
    put(index - 1, onion / 2);
    put(index + 1, onion / 3);
  }
}
