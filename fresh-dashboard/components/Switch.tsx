/** On or off: a checkbox that looks like what it is for. @module */
import type { JSX } from "preact";

export function Switch(props: JSX.InputHTMLAttributes<HTMLInputElement>) {
  return <input {...props} type="checkbox" role="switch" class="switch" />;
}
