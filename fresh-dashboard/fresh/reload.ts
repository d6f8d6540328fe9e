/**
 * Reloads the page when the server has started again with other routes; for development only.
 *
 * @module
 */
let running: string | undefined;
new EventSource("/_fresh/started").addEventListener("message", ({ data }) => {
  if (running !== undefined && running !== data) location.reload();
  running = data;
});
