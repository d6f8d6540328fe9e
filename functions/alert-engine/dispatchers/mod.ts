/** Every kind of dispatcher: adding one is its file, and its line here. @module */
export { default as console } from "./console.ts";
export { default as webhook } from "./webhook.ts";
export { default as slack } from "./slack.ts";
export { default as email } from "./email.ts";
