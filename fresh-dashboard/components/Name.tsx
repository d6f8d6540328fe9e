/** A name that others chose: on one line, whole on hover, and not able to turn the text around. @module */

export function Name({ of, class: look = "" }: { of: string; class?: string }) {
  // The title of a page is no place for a novel.
  return (
    <bdi dir="auto" class={`block truncate ${look}`} title={of.slice(0, 500)}>
      {of.length > 300 ? `${of.slice(0, 300)}…` : of}
    </bdi>
  );
}
