// The server, over the API that everybody has (docs/serve.md).
import { type Evidence, type Kind, type Medium, type Sampling, type Timings } from "./types.js";
import { readEvidence } from "./evidence.js";

/** What the server said no to, or (status 0) that it said nothing. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly code = "",
    readonly retryAfter = 0,
  ) {
    super(message);
  }
  get gone(): boolean {
    return this.status === 0;
  }
  get busy(): boolean {
    return this.status === 503 || this.status === 429;
  }
}

let key = "";
export function useKey(value: string): void {
  key = value;
}
function headers(more: Record<string, string> = {}): Record<string, string> {
  return key ? { Authorization: `Bearer ${key}`, ...more } : more;
}

function refusalOf(status: number, body: string, retryAfter: string | null): Refusal {
  let message = body.slice(0, 300) || `status ${status}`;
  let code = "";
  try {
    const { error } = JSON.parse(body) as { error?: { message?: string; code?: unknown } | string };
    if (typeof error === "string") message = error;
    else if (error) {
      message = error.message ?? message;
      code = String(error.code ?? "");
    }
  } catch {
    // whoever stands between answers with a page of its own
  }
  return new Refusal(status, message, code, Number(retryAfter) || 0);
}

async function call(path: string, options: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { ...options, headers: headers(options.headers as Record<string, string>) });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Refusal(0, "the server does not answer");
  }
  if (response.ok) return response;
  throw refusalOf(response.status, await response.text(), response.headers.get("Retry-After"));
}

export async function isThere(): Promise<boolean> {
  try {
    await call("/ready", { cache: "no-store" });
    return true;
  } catch {
    return false;
  }
}

export async function modelName(): Promise<string> {
  const list = (await (await call("/v1/models")).json()) as { data: { id: string }[] };
  return list.data[0]?.id ?? "";
}

/** Of a medium, as the server has it. */
export interface Remote {
  id: string;
  kind: Kind;
  images: number;
  encoded?: number;
  decode_ms?: number;
  encode_ms?: number;
  seconds?: number[];
  warning?: string;
}

export async function storedMemories(): Promise<Remote[]> {
  const list = (await (await call("/v1/media")).json()) as { data: Remote[] };
  return list.data.filter((media) => media.kind === "memory");
}

/** "?fps=2&max_frames=8", or nothing. */
export function samplingQuery(sampling: Sampling | undefined): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(sampling ?? {})) {
    if (value !== undefined) query.set(name, String(value));
  }
  return query.size ? `?${query}` : "";
}

export function contentType(kind: Kind, blob: Blob): string {
  const prefix = kind === "video" ? "video/" : "image/";
  return blob.type.startsWith(prefix) ? blob.type : `${prefix}x-unknown`;
}

/** Sends a file; `told` hears how much of it is there. */
export function upload(
  medium: Medium,
  blob: Blob,
  told: (share: number) => void,
  signal: AbortSignal,
): Promise<Remote> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/v1/media${samplingQuery(medium.sampling)}`);
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.setRequestHeader("Content-Type", contentType(medium.kind, blob));
    request.upload.onprogress = (event) => told(event.total ? event.loaded / event.total : 1);
    request.upload.onload = () => told(1);
    request.onerror = () => reject(new Refusal(0, "the server does not answer"));
    request.onabort = () => reject(new DOMException("given up", "AbortError"));
    request.onload = () => {
      if (request.status === 200) resolve(JSON.parse(request.responseText) as Remote);
      else reject(refusalOf(request.status, request.responseText, request.getResponseHeader("Retry-After")));
    };
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(blob);
  });
}

export interface Part {
  type: "text" | "media";
  text?: string;
  media?: string;
}
export interface ChatBody {
  model?: string;
  messages: { role: "system" | "user" | "assistant"; content: string | Part[] }[];
  [option: string]: unknown;
}

/** Why the server can't hold answers to a form, in its words; "" where it can. */
export async function whyNot(format: object, signal: AbortSignal): Promise<string> {
  try {
    await call("/v1/chat/completions/input_tokens", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ messages: [{ role: "user", content: "?" }], ...format }),
      signal,
    });
    return "";
  } catch (error) {
    if (error instanceof Refusal && error.status === 400) return error.message;
    throw error;
  }
}

/** What comes of an answer while it is written. */
export interface Listener {
  text(piece: string): void;
  progress(what: "media" | "prompt", done: number, all: number): void;
}
export interface Ending {
  cut: boolean;
  timings: Timings;
  tokens: number;
  evidence?: Evidence;
}

interface Chunk {
  error?: { message?: string; code?: unknown };
  choices?: {
    delta?: { content?: string | null };
    finish_reason?: string | null;
    attribution?: unknown;
  }[];
  media_progress?: { processed: number; total: number };
  prompt_progress?: { processed: number; total: number };
  usage?: { completion_tokens?: number };
  timings?: Timings;
  attribution?: unknown;
}

/** The events of a stream, one by one. */
async function* eventsOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    rest += value;
    for (let end = rest.indexOf("\n\n"); end >= 0; end = rest.indexOf("\n\n")) {
      const event = rest.slice(0, end);
      rest = rest.slice(end + 2);
      if (event.startsWith("data: ")) yield event.slice(6);
    }
  }
}

/** Asks, and tells of the answer as it comes. Throws Refusal, or AbortError when it is stopped. */
export async function chat(body: ChatBody, listener: Listener, signal: AbortSignal): Promise<Ending> {
  const response = await call("/v1/chat/completions", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      ...body,
      stream: true,
      stream_options: { include_usage: true },
      return_progress: true,
    }),
    signal,
  });
  const ending: Ending = { cut: false, timings: {}, tokens: 0 };
  let complete = false;
  try {
    for await (const event of eventsOf(response.body!)) {
      if (event === "[DONE]") {
        complete = true;
        break;
      }
      take(JSON.parse(event) as Chunk, ending, listener);
    }
  } catch (error) {
    if (signal.aborted || error instanceof Refusal) throw error;
  }
  if (!complete) throw new Refusal(0, "the connection broke off");
  return ending;
}

function take(chunk: Chunk, ending: Ending, listener: Listener): void {
  if (chunk.error) throw new Refusal(500, chunk.error.message ?? "", String(chunk.error.code ?? ""));
  if (chunk.media_progress) {
    listener.progress("media", chunk.media_progress.processed, chunk.media_progress.total);
  }
  if (chunk.prompt_progress) {
    listener.progress("prompt", chunk.prompt_progress.processed, chunk.prompt_progress.total);
  }
  const choice = chunk.choices?.[0];
  if (choice?.delta?.content) listener.text(choice.delta.content);
  if (choice?.finish_reason) ending.cut = choice.finish_reason === "length";
  if (chunk.usage) ending.tokens = chunk.usage.completion_tokens ?? 0;
  if (chunk.timings) ending.timings = chunk.timings;
  const attribution = chunk.attribution ?? choice?.attribution;
  if (attribution) ending.evidence = readEvidence(attribution);
}
