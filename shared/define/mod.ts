/** The declaration format: types and identity functions, no I/O. @module */
export * from "./errors.ts";
export * from "./values.ts";
export * from "./trigger.ts";
export * from "./function.ts";
