/** The headers that every answer has: what a page may load, and who may embed it. Pure. @module */
import type { Site } from "../define.ts";

/** The policy of a page. Vite needs its own origin, its socket, and styles in scripts. */
export function contentSecurityPolicy({ vite }: Pick<Site, "vite">): string {
  const more = vite ? ` ${vite}` : "";
  return [
    "default-src 'self'",
    `script-src 'self'${more}`,
    `style-src 'self'${vite ? `${more} 'unsafe-inline'` : ""}`,
    `connect-src 'self'${more}${vite ? ` ${vite.replace(/^http/, "ws")}` : ""}`,
    "img-src 'self' data:",
    "font-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "object-src 'none'",
  ].join("; ");
}

/** Adds the headers to an answer, but not to the opening of a WebSocket, which cannot be changed. */
export function secured(response: Response, site: Site): Response {
  if (response.status === 101) return response;
  const { headers } = response;
  headers.set("content-security-policy", contentSecurityPolicy(site));
  headers.set("x-content-type-options", "nosniff");
  headers.set("referrer-policy", "same-origin");
  headers.set("cross-origin-opener-policy", "same-origin");
  headers.set("cross-origin-resource-policy", "same-origin");
  headers.set("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
  if (site.production) headers.set("strict-transport-security", "max-age=31536000");
  // Pages show who asked: nothing in between may keep them.
  if (!headers.has("cache-control")) headers.set("cache-control", "no-store");
  return response;
}
