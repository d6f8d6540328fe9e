/** OpenAPI 3.1 of a service's routes, from the schemas that check the requests. @module */
import { z } from "zod";
import type { HttpTrigger, Service } from "shared/define/mod.ts";

const errorSchema = {
  type: "object",
  required: ["success", "error", "code", "request_id"],
  properties: {
    success: { const: false },
    error: { type: "string", description: "A sentence" },
    code: { type: "string" },
    details: {
      type: "array",
      items: {
        type: "object",
        properties: { path: { type: "string" }, message: { type: "string" } },
      },
    },
    data: { description: "What there is to tell all the same, e.g. counts" },
    request_id: { type: "string" },
  },
};

const metaSchema = {
  type: "object",
  description: "For lists",
  properties: Object.fromEntries(
    ["total", "page", "limit", "pages"].map((name) => [name, { type: "integer" }]),
  ),
};

/** The OpenAPI document of a service. */
export function openapi(service: Service): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const fn of service.functions) {
    if (fn.on.kind !== "http") continue;
    const path = fn.on.path.replace(/:(\w+)/g, "{$1}");
    (paths[path] ??= {})[fn.on.method.toLowerCase()] = operation(fn.name, fn.on);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: service.api?.title ?? service.name,
      description: service.api?.description ?? "",
      version: "1",
    },
    paths,
    components: {
      securitySchemes: { bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
      schemas: { Error: errorSchema },
    },
  };
}

function operation(name: string, on: HttpTrigger): Record<string, unknown> {
  const error = {
    description: "Refused",
    content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } },
  };
  return {
    operationId: name,
    tags: [on.path.split("/")[2] ?? on.path.split("/")[1]],
    summary: on.summary ?? name,
    ...(on.access === "public" ? {} : {
      description: `Needs ${
        on.access === "ingest" ? "the ingest token, where one is set" : `the role ${on.access}`
      }.`,
      security: [{ bearer: [] }],
    }),
    parameters: [...pathParameters(on.path), ...queryParameters(on.query)],
    ...(on.body === undefined ? {} : {
      requestBody: {
        content: on.body === "bytes"
          ? { "application/octet-stream": {} }
          : { "application/json": { schema: jsonSchema(on.body, "input") } },
      },
    }),
    responses: {
      "2XX": {
        description: "Done",
        content: {
          "application/json": {
            schema: {
              type: "object",
              required: ["success"],
              properties: {
                success: { const: true },
                data: on.reply ? jsonSchema(on.reply, "output") : {},
                meta: metaSchema,
              },
            },
          },
        },
      },
      default: error,
    },
  };
}

function pathParameters(path: string) {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
}

function queryParameters(query: z.ZodType | undefined) {
  if (!query) return [];
  const { properties = {}, required = [] } = jsonSchema(query, "input") as {
    properties?: Record<string, unknown>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, schema]) => ({
    name,
    in: "query",
    required: required.includes(name),
    schema,
  }));
}

function jsonSchema(schema: z.ZodType, io: "input" | "output"): Record<string, unknown> {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  return rest;
}
