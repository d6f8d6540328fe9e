/** Cookies, read and written (RFC 6265). Pure. @module */

/** How long a refresh token is good when nobody uses it. */
const week_s = 604_800;

/** Which cookies there are, and how many seconds a browser keeps them. */
const cookies = {
  access: { name: "eventflow_access", keep_s: week_s },
  refresh: { name: "eventflow_refresh", keep_s: week_s },
  theme: { name: "eventflow_theme", keep_s: 52 * week_s },
} as const;
type Kind = keyof typeof cookies;

function nameOf(kind: Kind, production: boolean): string {
  // With the prefix a browser takes it from this host over TLS only, and sends it to no other.
  return `${production ? "__Host-" : ""}${cookies[kind].name}`;
}

/** The value of a cookie of a request. */
export function readCookie(request: Request, kind: Kind, production: boolean): string | undefined {
  const name = nameOf(kind, production);
  for (const pair of (request.headers.get("cookie") ?? "").split(";")) {
    const at = pair.indexOf("=");
    if (at > 0 && pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim() || undefined;
  }
  return undefined;
}

/**
 * A `Set-Cookie` header; without a value it removes the cookie. `Lax`, not `Strict`: a link in a
 * notification must open the alert, not the login page; nothing is changed by a GET.
 */
export function writeCookie(kind: Kind, value: string | undefined, production: boolean): string {
  if (value !== undefined && !/^[\w.~+/=-]{1,3800}$/.test(value)) {
    throw new TypeError(`Cannot write the cookie ${cookies[kind].name} as its value has no room`);
  }
  return [
    `${nameOf(kind, production)}=${value ?? ""}`,
    "Path=/",
    "HttpOnly",
    "SameSite=Lax",
    `Max-Age=${value === undefined ? 0 : cookies[kind].keep_s}`,
    ...(production ? ["Secure"] : []),
  ].join("; ");
}
