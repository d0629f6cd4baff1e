import { signal } from "@preact/signals";
import type { paths } from "./schema";

type Method = "get" | "post" | "put" | "patch" | "delete";
type PathsWith<M extends Method> = { [P in keyof paths]: paths[P] extends Record<M, { responses: unknown }> ? P : never }[keyof paths];
type Operation<P extends keyof paths, M extends Method> = paths[P] extends Record<M, infer O> ? O : never;
type Success<O> = O extends { responses: infer R } ? R[Extract<keyof R, 200 | 201 | 202 | 204>] : never;
type Answer<O> = Success<O> extends { content: { "application/json": infer T } } ? T : void;
/** What is sent may leave out what has a default; the server names a key that is missing. */
type Body<O> = O extends { requestBody?: { content: { "application/json": infer T } } } ? Partial<T> : undefined;
type Inside<O, Place extends string> = O extends { parameters: Record<Place, infer T> } ? T : undefined;
type Query<O> = O extends { parameters: { query?: infer T } } ? T : undefined;

interface Options<O> {
  path?: Inside<O, "path">;
  query?: Query<O>;
  body?: Body<O>;
}

/** Whether the server has asked for its token. */
export const locked = signal(false);

/** Why the server refused, in its own words; `line` points into a text such as film.toml. */
export class Refusal extends Error {
  constructor(message: string, readonly status: number, readonly code: string, readonly field: string | null, readonly line: number | null) {
    super(message);
  }
}

async function call(method: string, template: string, options: { path?: unknown; query?: unknown; body?: unknown }): Promise<unknown> {
  let answer: Response;
  try {
    answer = await fetch(addressOf(template, options.path, options.query), {
      method: method.toUpperCase(),
      ...(options.body === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify(options.body) }),
    });
  } catch {
    throw new Refusal("The studio's server does not answer. Start it again with `sakuga studio`; this page goes on by itself.", 0, "offline", null, null);
  }
  return read(answer);
}

async function read(answer: Response): Promise<unknown> {
  const text = await answer.text();
  if (answer.ok) return text ? JSON.parse(text) : undefined;
  if (answer.status === 401) locked.value = true;
  const error = refusalIn(text);
  throw new Refusal(error.message ?? `The server answered ${answer.status}.`, answer.status, error.code ?? "failed", error.field ?? null, error.line ?? null);
}

function refusalIn(text: string): { message?: string; code?: string; field?: string; line?: number } {
  try {
    return (JSON.parse(text) as { error?: object }).error ?? {};
  } catch {
    return {};
  }
}

function addressOf(template: string, path: unknown, query: unknown): string {
  const values = (path ?? {}) as Record<string, string | number>;
  const filled = template.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(values[name])));
  const search = new URLSearchParams();
  for (const [key, value] of Object.entries((query ?? {}) as Record<string, unknown>)) if (value !== undefined && value !== null && value !== "") search.set(key, String(value));
  return search.size ? `${filled}?${search}` : filled;
}

function method<M extends Method>(name: M) {
  return <P extends PathsWith<M>>(path: P, options: Options<Operation<P, M>> = {}) => call(name, path as string, options) as Promise<Answer<Operation<P, M>>>;
}

/** The API, typed by its own schema: `api.get("/api/v1/projects/{project}", { path: { project } })`. */
export const api = { get: method("get"), post: method("post"), put: method("put"), patch: method("patch"), delete: method("delete") };

/** Send a file as it is. */
export async function upload(file: File | Blob, name: string): Promise<Answer<Operation<"/api/v1/uploads", "post">>> {
  const answer = await fetch(`/api/v1/uploads?name=${encodeURIComponent(name)}`, { method: "POST", body: file });
  return (await read(answer)) as Answer<Operation<"/api/v1/uploads", "post">>;
}
