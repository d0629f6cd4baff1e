/** Images of a clip, fetched from the current one onwards and kept while the clip is open. */
export class FrameLoader {
  private readonly images = new Map<string, HTMLImageElement>();

  get(source: string): HTMLImageElement {
    const known = this.images.get(source);
    if (known) return known;
    const image = new Image();
    image.decoding = "async";
    image.src = source;
    this.images.set(source, image);
    return image;
  }

  /** Fetch what is shown next; a browser fetches them in this order. */
  ahead(sources: readonly string[], from: number, count: number): void {
    for (let step = 0; step < Math.min(count, sources.length); step++) {
      const source = sources[(from + step) % sources.length];
      if (source) this.get(source);
    }
  }
}
