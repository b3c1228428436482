// The form of a conversation's answers: what is sent and kept of it, and where it is chosen.
import { type Refusal, whyNot } from "./api.js";
import { freshId, h } from "./dom.js";
import { faultOf, laidOut } from "./json.js";
import { texts } from "./texts.js";
import { type AnswerForm, type Conversation } from "./types.js";

const kUntilAsked = 400; // milliseconds that nothing is typed before the server is asked
const SCHEMA_PLACE = /^response_format\.json_schema\.schema:? */;

/** A number as JavaScript passes it on, or not. */
function isPassedOn(number: string): boolean {
  const value = Number(number);
  return Number.isFinite(value) && (!/^-?\d+$/.test(number) || Number.isSafeInteger(value));
}

/** What is to be mended in a schema before it can be sent; "" where nothing is. */
export function problemOf(form: AnswerForm | undefined): string {
  if (form?.kind !== "schema") return "";
  if (form.schema.trim() === "") return texts.schemaMissing;
  let schema: unknown;
  try {
    schema = JSON.parse(form.schema);
  } catch {
    const at = faultOf(form.schema);
    const lines = form.schema.slice(0, at).split("\n");
    return at === form.schema.length ? texts.schemaUnfinished : texts.schemaNotJson(lines.length, lines.at(-1)!.length + 1);
  }
  if (typeof schema !== "object" || schema === null || Array.isArray(schema)) return texts.schemaNoObject;
  const number = laidOut(form.schema).find(({ kind, text }) => kind === "value" && /^[-\d]/.test(text) && !isPassedOn(text));
  return number ? texts.schemaNumber(number.text) : "";
}

/** As the server is asked for it; nothing where any text will do, or nothing can be sent. */
export function formatOf(form: AnswerForm | undefined): object {
  if (!form || form.kind === "text" || problemOf(form) !== "") return {};
  if (form.kind === "json") return { response_format: { type: "json_object" } };
  return { response_format: { type: "json_schema", json_schema: { name: "answer", schema: JSON.parse(form.schema) as unknown } } };
}

/** As a saved conversation has it. */
export function savedFormat(form: AnswerForm | undefined): object {
  if (!form || form.kind === "text" || problemOf(form) !== "") return {};
  return { form: form.kind === "json" ? { json: true } : { schema: JSON.parse(form.schema) as unknown } };
}

/** "the schema at #: ..." is about all of it, and says so by naming no place. */
function inPlainWords(refusal: string): string {
  return refusal.replace(SCHEMA_PLACE, "").replace("the schema at #: ", "").replace(" (at #)", "");
}

/** The schema's field, with a line below that tells what is wrong with it, or that nothing is. */
function schemaField(form: AnswerForm, changed: () => void): { element: HTMLElement; check: () => void } {
  const id = freshId();
  const told = h("p", { class: "verdict", id, role: "status" });
  const field = h("textarea", { class: "source", rows: 8, spellcheck: "false", autocapitalize: "off", placeholder: texts.schemaExample, "aria-describedby": id });
  field.value = form.schema;
  let asking = new AbortController();
  const tell = (text: string, bad: boolean): void => {
    told.textContent = text;
    told.classList.toggle("bad", bad);
    field.setAttribute("aria-invalid", String(bad));
  };
  const askServer = async (signal: AbortSignal): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, kUntilAsked));
    if (signal.aborted) return;
    try {
      const refusal = await whyNot(formatOf(form), signal);
      tell(refusal ? texts.schemaRefused(inPlainWords(refusal)) : texts.schemaTaken, refusal !== "");
    } catch (error) {
      if (!signal.aborted) tell(texts.schemaUnasked((error as Refusal).message), false);
    }
  };
  const check = (): void => {
    asking.abort();
    asking = new AbortController();
    const problem = problemOf(form);
    tell(problem, problem !== "" && field.value.trim() !== "");
    if (form.kind === "schema" && problem === "") void askServer(asking.signal);
  };
  field.addEventListener("input", () => {
    form.schema = field.value;
    changed();
    check();
  });
  return { element: h("div", {}, h("label", {}, texts.schema, field), told), check };
}

/** Where the form is chosen. */
export function formFields(conversation: Conversation, changed: () => void): HTMLElement {
  const form: AnswerForm = conversation.form ?? { kind: "text", schema: "" };
  const keep = (): void => {
    conversation.form = form;
    changed();
  };
  const choice = h("select");
  for (const [kind, label] of Object.entries(texts.forms)) choice.append(h("option", { value: kind }, label));
  choice.value = form.kind;
  const schema = schemaField(form, keep);
  const hint = h("small", {}, texts.formHint);
  const show = (): void => {
    schema.element.hidden = form.kind !== "schema";
    hint.hidden = form.kind === "text";
    schema.check();
  };
  choice.addEventListener("change", () => {
    form.kind = choice.value as AnswerForm["kind"];
    keep();
    show();
  });
  show();
  return h("div", { class: "form" }, h("label", {}, texts.form, choice, hint), schema.element);
}
