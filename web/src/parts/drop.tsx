import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

/** Files dropped on the page, pasted, or picked by hand. */
export function DropZone({ accept, onFiles, multiple = false, label, children }: {
  accept: string; onFiles: (files: File[]) => void; multiple?: boolean; label: string; children: ComponentChildren;
}) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const latest = useRef(onFiles);
  latest.current = onFiles;
  useEffect(() => {
    const paste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length) latest.current(files);
    };
    addEventListener("paste", paste);
    return () => removeEventListener("paste", paste);
  }, []);
  return (
    <div class={`drop ${over ? "over" : ""}`}
      onDragOver={(event) => { event.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)}
      onDrop={(event) => { event.preventDefault(); setOver(false); const files = [...(event.dataTransfer?.files ?? [])]; if (files.length) onFiles(files); }}>
      {children}
      <button class="button" onClick={() => input.current?.click()}>{label}</button>
      <input ref={input} class="spoken" type="file" accept={accept} multiple={multiple} aria-label={label} tabIndex={-1}
        onChange={(event) => { const files = [...(event.currentTarget.files ?? [])]; event.currentTarget.value = ""; if (files.length) onFiles(files); }} />
    </div>
  );
}
