import type { ComponentChildren } from "preact";

/** The widths in which the server keeps thumbnails. */
export type ThumbnailWidth = 64 | 128 | 256 | 512 | 1024;

/** The address of a stored image; its name is its content, so it is fetched once. */
export function frameUrl(digest: string): string {
  return `/frames/${digest}`;
}

/** The address of an image's thumbnail; a width that the address has already is replaced. */
export function thumbnail(source: string, width: ThumbnailWidth): string {
  const [path = "", query = ""] = source.split("?");
  const values = new URLSearchParams(query);
  values.set("w", String(width));
  return `${path}?${values}`;
}

interface Props {
  source: string | null;
  alt: string;
  /** Width to height; the place is kept before the image is there. */
  ratio?: number;
  width?: ThumbnailWidth;
  waiting?: ComponentChildren;
  lazy?: boolean;
  /** Whether it is a sheet of samples: those at the left are shown, as large as they fit. */
  sheet?: boolean;
  children?: ComponentChildren;
}

/** An image in a place of fixed shape; without one, words say what is being waited for. */
export function Picture({ source, alt, ratio = 1, width, waiting, lazy = false, sheet = false, children }: Props) {
  return (
    <figure class={sheet ? "picture sheet" : "picture"} style={{ aspectRatio: String(ratio) }}>
      {source ? (
        <img src={width ? thumbnail(source, width) : source} alt={alt} loading={lazy ? "lazy" : "eager"} decoding="async" draggable={false} />
      ) : (
        <span class="waiting" {...(alt ? { role: "img", "aria-label": alt } : { "aria-hidden": true })}>{waiting}</span>
      )}
      {children}
    </figure>
  );
}
