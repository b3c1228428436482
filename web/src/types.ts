// What is kept of conversations.

export type Kind = "image" | "video" | "memory";

/** How a film is looked at; what is undefined is as the server likes it. */
export interface Sampling {
  fps?: number;
  max_frames?: number;
  start?: number;
  end?: number;
}

/** A picture or film of a question. */
export interface Medium {
  id: string;
  kind: Kind;
  name: string;
  file?: string; // its bytes, in the store
  sampling?: Sampling;
  remote?: string; // its name on the server
  images?: number; // as the model sees it
  encoded?: number; // of those, computed when it was sent; told with the next answer
  decodeMs?: number;
  encodeMs?: number;
  seconds?: number[]; // of a film's frames
  warning?: string;
}

export interface Timings {
  cache_n?: number;
  prompt_n?: number;
  prompt_ms?: number;
  predicted_n?: number;
  predicted_ms?: number;
  media?: { images?: number; encoded?: number; ms?: number; decode_ms?: number; encode_ms?: number };
}

/** One image, tile or frame, and how much was read from it. */
export interface ImageEvidence {
  share: number;
  heat?: number[]; // by patch, in rows
}

export interface Evidence {
  images: ImageEvidence[]; // of all media of the questions so far, in their order
  leading: number[]; // indices into images
  tokens: { text: string; shares: number[] }[];
  columns: number; // of heat maps
  rows: number;
}

/** What an answer may be: any text, JSON, or JSON that a schema allows. */
export interface AnswerForm {
  kind: "text" | "json" | "schema";
  schema: string; // as it was written; kept while another kind is chosen
}

export type State = "asking" | "done" | "stopped" | "interrupted" | "failed";

export interface Turn {
  id: string;
  question: string;
  media: Medium[];
  answer: string;
  state: State;
  error?: string;
  form?: AnswerForm; // that it was asked with
  cut?: boolean; // at the longest that was allowed
  timings?: Timings;
  tokens?: number; // written
  evidence?: Evidence;
}

export type Sampler = {
  temperature?: number;
  top_k?: number;
  top_p?: number;
  min_p?: number;
  repetition_penalty?: number;
  max_tokens?: number;
  seed?: number;
};

export interface Draft {
  text: string;
  media: Medium[];
  edits?: string; // the turn that it takes the place of
}

export interface Conversation {
  id: string;
  version: number; // grows with each save: two tabs notice each other by it
  created: number;
  changed: number;
  system: string;
  form?: AnswerForm; // text, if there is none
  turns: Turn[];
  draft: Draft;
}

export interface Settings {
  preset: "model" | "sample" | "greedy" | "eval" | "own";
  own: Sampler;
  evidence: boolean;
}

export function freshName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(9));
  return Array.from(bytes, (byte) => byte.toString(36).padStart(2, "0")).join("");
}

export function newConversation(): Conversation {
  const now = Date.now();
  return {
    id: freshName(),
    version: 0,
    created: now,
    changed: now,
    system: "",
    turns: [],
    draft: { text: "", media: [] },
  };
}

/** The official presets (docs/cli.md): what is undefined is the checkpoint's. */
export const PRESETS: Record<"model" | "sample" | "greedy" | "eval", Sampler> = {
  model: {},
  sample: { temperature: 0.7, top_k: 100, top_p: 0.8, repetition_penalty: 1.05, max_tokens: 2048 },
  greedy: { temperature: 0, max_tokens: 2048 },
  eval: { temperature: 0, max_tokens: 100 },
};

export function samplerOf(settings: Settings): Sampler {
  return settings.preset === "own" ? settings.own : PRESETS[settings.preset];
}

export function isEmpty(conversation: Conversation): boolean {
  const { draft, turns, system, form } = conversation;
  const free = !form || (form.kind === "text" && form.schema === "");
  return turns.length === 0 && draft.text === "" && draft.media.length === 0 && system === "" && free;
}
