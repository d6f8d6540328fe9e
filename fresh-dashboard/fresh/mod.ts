/**
 * A server-rendered app with islands in Fresh 2's shape: its names and files, as much of it as this
 * dashboard needs. JSR, where Fresh lives, cannot be reached from where this is built; a move to
 * the real Fresh is a change of the import map and the build, not of the pages.
 *
 * @module
 */
export * from "./app.ts";
export * from "./context.ts";
export { type Assets, builtAssets, noAssets, staticFiles, viteAssets } from "./assets.ts";
