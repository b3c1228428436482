// A conversation as what the server is asked, as the file that owl3 chat loads, and as code.
import { type ChatBody, type Part, contentType, samplingQuery } from "./api.js";
import { formatOf, savedFormat } from "./form.js";
import { type Conversation, type Medium, type Settings, type Turn, samplerOf } from "./types.js";

const MARK = /<(?:image|video)>/g;

/** The text between marks, and the media that stand in their places; those without one come first. */
function layOut(question: string, media: Medium[]): { free: Medium[]; texts: string[]; marked: Medium[] } {
  const texts = [""];
  let last = 0;
  for (const { 0: mark, index } of question.matchAll(MARK)) {
    if (texts.length > media.length) break; // one that stands for nothing is text
    texts[texts.length - 1] = question.slice(last, index);
    texts.push("");
    last = index + mark.length;
  }
  texts[texts.length - 1] = question.slice(last);
  const free = media.length - (texts.length - 1);
  return { free: media.slice(0, free), texts, marked: media.slice(free) };
}

/** A question's parts: media stand where their marks do, those without a mark before the text. */
export function partsOf(question: string, media: Medium[], nameOf: (medium: Medium) => string): Part[] {
  const { free, texts, marked } = layOut(question, media);
  const part = (medium: Medium): Part => ({ type: "media", media: nameOf(medium) });
  const parts = free.map(part);
  texts.forEach((text, i) => {
    if (text !== "") parts.push({ type: "text", text });
    if (marked[i]) parts.push(part(marked[i]));
  });
  return parts;
}

/** Puts a medium's mark into a text; the media are then in the order of their marks. */
export function withMark(question: string, at: number, media: Medium[], medium: Medium): { text: string; media: Medium[] } {
  const marksBefore = layOut(question.slice(0, at), media).texts.length - 1;
  const marks = layOut(question, media).texts.length - 1;
  const others = media.filter((other) => other !== medium);
  others.splice(Math.max(0, others.length - Math.min(marks, others.length)) + marksBefore, 0, medium);
  const mark = medium.kind === "video" ? "<video>" : "<image>";
  return { text: question.slice(0, at) + mark + question.slice(at), media: others };
}

/** As owl3 chat wants it: a mark for each of the media, or for none. */
function savedQuestion(question: string, media: Medium[]): string {
  const { free, texts, marked } = layOut(question, media);
  const escaped = (text: string): string => text.replaceAll(MARK, (mark) => `\\${mark}`);
  const mark = (medium: Medium): string => (medium.kind === "video" ? "<video>" : "<image>");
  if (marked.length === 0) return escaped(question);
  return free.map((medium) => `${mark(medium)}\n`).join("") + texts.map((text, i) => escaped(text) + (marked[i] ? mark(marked[i]) : "")).join("");
}

/** What is sent for the turn at `index`, all before it included. */
export function requestOf(conversation: Conversation, index: number, settings: Settings, model: string): ChatBody {
  const body: ChatBody = { model, messages: [] };
  if (conversation.system.trim()) body.messages.push({ role: "system", content: conversation.system });
  for (const turn of conversation.turns.slice(0, index + 1)) {
    const content =
      turn.media.length === 0 ? turn.question : partsOf(turn.question, turn.media, (medium) => medium.remote ?? "");
    body.messages.push({ role: "user", content });
    if (turn !== conversation.turns[index]) body.messages.push({ role: "assistant", content: turn.answer });
  }
  for (const [name, value] of Object.entries(samplerOf(settings))) {
    if (value !== undefined) body[name] = value;
  }
  Object.assign(body, formatOf(conversation.turns[index]?.form));
  if (settings.evidence) body.attribution = { tokens: true, heat_maps: 8 };
  return body;
}

export function mediaBefore(turns: Turn[], index: number): Medium[] {
  return turns.slice(0, index).flatMap((turn) => turn.media);
}

/** As /save of owl3 chat writes it; its pictures are looked for beside the file. */
export function savedForm(conversation: Conversation, settings: Settings): string {
  const sampler = samplerOf(settings);
  const greedy = sampler.temperature === 0;
  const generation: Record<string, unknown> = {};
  for (const name of ["temperature", "top_k", "top_p", "min_p", "repetition_penalty", "seed"] as const) {
    if (sampler[name] !== undefined && !(greedy && name === "temperature")) generation[name] = sampler[name];
  }
  if (sampler.temperature !== undefined) generation.do_sample = !greedy;
  if (sampler.max_tokens !== undefined) generation.max_new_tokens = sampler.max_tokens;
  Object.assign(generation, savedFormat(conversation.form));
  const turns = conversation.turns
    .filter(({ state }) => state === "done" || state === "stopped" || state === "interrupted")
    .map(({ question, media, answer }) => ({
      question: savedQuestion(question, media.filter(({ kind }) => kind !== "memory")),
      media: media
        .filter(({ kind }) => kind !== "memory")
        .map(({ kind, name, sampling }) => ({
          type: kind,
          path: name,
          ...(kind === "video" ? { fps: 1, max_frames: 128, ...sampling } : {}),
        })),
      answer,
    }));
  const form = { format: "owl3 conversation", version: 1, system: conversation.system, generation, turns };
  return `${JSON.stringify(form, null, 2)}\n`;
}

// ---- code

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** In the words of JSON, but for those that Python has others for. */
function python(value: unknown, indent = ""): string {
  const inner = `${indent}    `;
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null || value === undefined) return "None";
  if (Array.isArray(value)) {
    return value.length ? `[\n${value.map((item) => `${inner}${python(item, inner)},\n`).join("")}${indent}]` : "[]";
  }
  if (typeof value === "object") {
    const entries = Object.entries(value);
    return entries.length ? `{\n${entries.map(([name, item]) => `${inner}${JSON.stringify(name)}: ${python(item, inner)},\n`).join("")}${indent}}` : "{}";
  }
  return JSON.stringify(value);
}

export type Language = "curl" | "Python" | "JavaScript";

function uploadLines(media: Medium[], language: Language, server: string): string {
  const sent = media.filter(({ kind }) => kind !== "memory").slice(0, 3);
  const mark = language === "JavaScript" ? "//" : "#";
  const lines = sent.map(({ kind, name, sampling, remote }) => {
    const type = contentType(kind, new Blob()).replace("x-unknown", kind === "video" ? "mp4" : "jpeg");
    const file = quoted(`@${name.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]/gu, "?")}`); // a line is a comment to its end
    return `${mark} curl -s ${quoted(`${server}/v1/media${samplingQuery(sampling)}`)} -H 'Content-Type: ${type}' --data-binary ${file}   ${mark} ${remote}`;
  });
  const left = media.filter(({ kind }) => kind !== "memory").length - sent.length;
  if (left > 0) lines.push(`${mark} ... and ${left} more`);
  return lines.length ? `${mark} Sent once, before:\n${lines.join("\n")}\n` : "";
}

export function codeOf(body: ChatBody, media: Medium[], language: Language, server: string): string {
  const before = uploadLines(media, language, server);
  const { model, messages, ...options } = body;
  if (language === "curl") {
    return `${before}curl -s ${server}/v1/chat/completions -H 'Content-Type: application/json' -d ${quoted(JSON.stringify(body, null, 2))}`;
  }
  if (language === "Python") {
    // What OpenAI's client has no name for goes in extra_body.
    const known = ["temperature", "top_p", "max_tokens", "seed", "response_format"];
    const entries = Object.entries(options);
    const own = entries.filter(([name]) => known.includes(name)).map(([name, value]) => `    ${name}=${python(value, "    ")},\n`);
    const extra = Object.fromEntries(entries.filter(([name]) => !known.includes(name)));
    return `${before}from openai import OpenAI

client = OpenAI(base_url="${server}/v1", api_key="none")
answer = client.chat.completions.create(
    model=${python(model)},
    messages=${python(messages, "    ")},
${own.join("")}${Object.keys(extra).length ? `    extra_body=${python(extra, "    ")},\n` : ""})
print(answer.choices[0].message.content)`;
  }
  return `${before}import OpenAI from "openai";

const client = new OpenAI({ baseURL: "${server}/v1", apiKey: "none" });
const answer = await client.chat.completions.create(${JSON.stringify(body, null, 2)});
console.log(answer.choices[0].message.content);`;
}
