/** The document around every page. */
import { define } from "../define.ts";

/** Live updates go on from a moment before the page: clocks of two machines differ a little. */
const overlap_ms = 2_000;

export default define.layout(({ Component, state }) => (
  <html
    lang="en"
    data-theme={state.theme}
    data-seq={state.user && (state.site.now() - overlap_ms) * 1_000}
  >
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta
        name="color-scheme"
        content={state.theme === "system" ? "light dark" : state.theme}
      />
      <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
    </head>
    <body>
      <Component />
    </body>
  </html>
));
