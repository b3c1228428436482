// The page: what is on it, and what happens when.
import { type Remote, Refusal, chat, modelName, storedMemories, useKey } from "./api.js";
import { openCamera } from "./camera.js";
import { patiently, serverIsGone, whenServerChanges } from "./connection.js";
import { type IconName, h, icon, iconButton, replaceChildren } from "./dom.js";
import { problemOf } from "./form.js";
import { ensure, filesOfDrop, imagesOf, kindOf, mediumOf, sortFiles } from "./media.js";
import { askForKey, openBuilders, openHelp, openMemories, openSettings } from "./panels.js";
import { mediaBefore, requestOf, savedForm, withMark } from "./request.js";
import * as store from "./store.js";
import { makeTalk, readyView, tellOfLoading, welcomeView } from "./talk.js";
import { texts } from "./texts.js";
import { makeTray } from "./tray.js";
import { type Conversation, type Medium, type Timings, type Turn, freshName, isEmpty, newConversation, samplerOf } from "./types.js";

const kSaveAfter = 500;

let model = "";
let memories: Remote[] = [];
let list: Conversation[] = [];
let current = newConversation();
const kept = await store.openStore();
const settings = await store.readSettings();
useKey(await store.readKey());

// ---- what is running, in whichever conversation

interface Running {
  conversation: Conversation;
  turn: Turn;
  stop: AbortController;
}
const running = new Map<string, Running>(); // by the turn

function runningIn(conversation: Conversation): Running | undefined {
  return [...running.values()].find((one) => one.conversation === conversation);
}

// ---- notices

const notices = h("div", { class: "notices", role: "status" });
const banner = h("div", { class: "banner", role: "alert", hidden: true });
const spoken = h("div", { class: "hidden", "aria-live": "polite" });

function notice(text: string, act?: { label: string; run: () => void }): void {
  const element = h("div", { class: "notice" }, h("span", {}, text));
  if (act) {
    element.append(
      h("button", { type: "button", class: "link", on: { click: () => (element.remove(), act.run()) } }, act.label),
    );
  }
  element.append(iconButton("close", texts.close, () => element.remove(), { class: "small" }));
  notices.append(element);
  setTimeout(() => element.remove(), act ? 60_000 : 5_000);
}

whenServerChanges((there) => {
  banner.hidden = there;
  banner.textContent = there ? "" : texts.gone;
  if (there) {
    notice(texts.back);
    void greet();
  }
});

// ---- keeping

const saves = new Map<Conversation, ReturnType<typeof setTimeout>>();

function save(conversation: Conversation, after = kSaveAfter): void {
  if (saves.has(conversation)) return;
  saves.set(conversation, setTimeout(() => void saveNow(conversation), after));
}

async function saveNow(conversation: Conversation): Promise<void> {
  clearTimeout(saves.get(conversation));
  saves.delete(conversation);
  const known = list.includes(conversation);
  if (!known && isEmpty(conversation)) return;
  try {
    if (await store.keepConversation(conversation)) {
      notice(texts.forked);
      list = await store.allConversations();
    }
  } catch {
    notice(texts.full);
  }
  list = [conversation, ...list.filter((other) => other.id !== conversation.id)].sort((a, b) => b.changed - a.changed);
  if (conversation === current) showAddress();
  showList();
}

window.addEventListener("pagehide", () => {
  for (const conversation of saves.keys()) void saveNow(conversation);
});
document.addEventListener("visibilitychange", () => {
  if (document.hidden) for (const conversation of saves.keys()) void saveNow(conversation);
});

store.whenOthersChange(async (id) => {
  const newest = await store.findConversation(id);
  list = list.filter((other) => other.id !== id || runningIn(other));
  if (newest && !list.some((other) => other.id === id)) list.push(newest);
  list.sort((a, b) => b.changed - a.changed);
  showList();
  if (id !== current.id || !newest || runningIn(current) || newest.version <= current.version) return;
  const turns = newest.turns.length !== current.turns.length;
  current = newest;
  show();
  if (turns) notice(texts.otherTab);
});

// ---- the list of conversations

const listing = h("ul", { class: "list" });
const side = h(
  "nav",
  { class: "side", "aria-label": texts.conversations },
  h("div", { class: "row" }, h("span", { class: "brand" }, logo(), texts.title), iconButton("plus", `${texts.newConversation} (Alt+N)`, () => fresh())),
  listing,
  h(
    "div",
    { class: "bottom" },
    place("sliders", texts.settings, () => void settingsOpen()),
    place("code", texts.builders, () => builders()),
    place("keys", texts.help, openHelp),
  ),
);
const shade = h("div", { class: "shade", on: { click: () => document.body.classList.remove("menu") } });

function place(name: IconName, label: string, act: () => void): HTMLElement {
  return h("button", { type: "button", class: "place", on: { click: act } }, icon(name), label);
}
function logo(): HTMLImageElement {
  const image = h("img", { alt: "", width: 26, height: 26 });
  image.src = "/icon.svg";
  return image;
}

function titleOf(conversation: Conversation): string {
  const { turns, draft } = conversation;
  const films = draft.media.filter(({ kind }) => kind === "video").length;
  const media = films ? texts.films(films) : draft.media.length ? texts.pictures(draft.media.length) : "";
  const first = turns[0]?.question || draft.text || media;
  return first?.trim().split("\n")[0]?.slice(0, 80) || texts.untitled;
}

function showList(): void {
  replaceChildren(
    listing,
    ...list.map((conversation) => {
      const title = titleOf(conversation);
      const open = h("button", { type: "button", class: "open", on: { click: () => choose(conversation) } }, title);
      if (conversation.id === current.id) open.setAttribute("aria-current", "page");
      return h("li", {}, open, iconButton("bin", texts.deleteConversation(title), () => void forget(conversation), { class: "small" }));
    }),
  );
  heading.textContent = titleOf(current);
  document.title = current.turns.length ? `${titleOf(current)} · owl3` : texts.title;
}

function choose(conversation: Conversation): void {
  if (saves.has(current)) void saveNow(current);
  current = conversation;
  document.body.classList.remove("menu");
  show();
}

function fresh(): void {
  choose(newConversation());
  box.focus();
}

async function forget(conversation: Conversation): Promise<void> {
  runningIn(conversation)?.stop.abort();
  clearTimeout(saves.get(conversation));
  saves.delete(conversation);
  list = list.filter((other) => other !== conversation);
  await store.forgetConversation(conversation.id);
  if (conversation.id === current.id) fresh();
  showList();
  notice(texts.deleted(titleOf(conversation)), {
    label: texts.undo,
    run: () => {
      conversation.version = 0;
      choose(conversation);
      list.push(conversation);
      void saveNow(conversation);
    },
  });
}

// ---- the conversation

const heading = h("h1", { class: "heading" });
const talk = makeTalk(
  {
    again: (turn) => again(turn),
    edit: (turn) => edit(turn),
    code: (turn) => builders(turn),
    notice,
  },
  () =>
    current.draft.media.length
      ? readyView(model, current.draft.media, suggest)
      : welcomeView(model, (how) => pick(how), memories.length > 0),
);
const scroller = h("main", { class: "main", id: "main", tabindex: -1 }, talk.element);

function showAddress(): void {
  const there = isEmpty(current) ? location.pathname : `#${current.id}`;
  history.replaceState(null, "", there);
}

function show(): void {
  showAddress();
  talk.show(current);
  showDraft();
  showList();
  scroller.scrollTop = scroller.scrollHeight;
  for (const turn of current.turns) if (turn.state === "asking" && !running.has(turn.id)) void lookAfter(turn);
}

/** A turn that was being answered when it was kept: by another tab, or by a page that is closed. */
async function lookAfter(turn: Turn): Promise<void> {
  const locks = (await navigator.locks?.query())?.held ?? [];
  if (running.has(turn.id) || locks.some(({ name }) => name === `owl3 ${turn.id}`)) return;
  turn.state = "interrupted";
  talk.view(turn)?.end();
}

function isAtEnd(): boolean {
  return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 80;
}

/** Shows that something of a turn is new, where the turn is to be seen. */
function refresh(turn: Turn, how: (view: NonNullable<ReturnType<typeof talk.view>>) => void): void {
  const view = current.turns.includes(turn) ? talk.view(turn) : undefined;
  if (!view) return;
  const follow = isAtEnd();
  how(view);
  if (follow) scroller.scrollTop = scroller.scrollHeight;
}

// ---- asking

async function answer(conversation: Conversation, turn: Turn, signal: AbortSignal): Promise<void> {
  const index = conversation.turns.indexOf(turn);
  const media = [...mediaBefore(conversation.turns, index), ...turn.media];
  const progress = (text: string): void => refresh(turn, (view) => view.progress(text));
  let why = true;
  for (let attempt = 0; ; ++attempt) {
    const told = tellOfLoading(media, progress);
    await Promise.race([Promise.all(media.map(named)), aborted(signal)]).finally(told);
    progress(texts.thinking);
    try {
      const once = (): Promise<Awaited<ReturnType<typeof chat>>> => {
        turn.answer = "";
        return chat(
          requestOf(conversation, index, why ? settings : { ...settings, evidence: false }, model),
          {
            text(piece) {
              turn.answer += piece;
              refresh(turn, (view) => view.text());
              save(conversation, 1000);
            },
            progress: (what, done, all) => what === "prompt" && all > 2000 && progress(texts.reading(done, all)),
          },
          signal,
        );
      };
      const ending = await patiently(once, signal, (left) => progress(texts.queue(left)));
      turn.cut = ending.cut;
      turn.timings = { ...ending.timings, media: spent(media, ending.timings) };
      turn.tokens = ending.tokens;
      turn.evidence = ending.evidence;
      return;
    } catch (error) {
      const refusal = error instanceof Refusal ? error : null;
      if (attempt > 1 || !refusal) throw error;
      if (refusal.status === 400 && refusal.message.includes("attribution")) {
        why = false; // too much to tell
        continue;
      }
      if (refusal.code !== "media_not_found") throw error;
      for (const medium of media) if (medium.kind !== "memory") medium.remote = undefined;
    }
  }
}

/** What media took, when they were sent and in the answer: told once. */
function spent(media: Medium[], timings: Timings): Timings["media"] {
  const all = { encoded: 0, decode_ms: 0, encode_ms: 0, ...timings.media };
  for (const medium of media) {
    all.encoded += medium.encoded ?? 0;
    all.decode_ms += medium.decodeMs ?? 0;
    all.encode_ms += medium.encodeMs ?? 0;
    medium.encoded = medium.decodeMs = medium.encodeMs = 0;
  }
  return all;
}

async function named(medium: Medium): Promise<void> {
  try {
    await ensure(medium);
  } catch (error) {
    if (error instanceof Refusal) throw new Refusal(error.status, `${medium.name}: ${error.message}`, error.code);
    throw error;
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new DOMException("stopped", "AbortError")), { once: true });
  });
}

async function withKey(work: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Refusal) || error.status !== 401) throw error;
      const key = await askForKey();
      if (!key) throw error;
      useKey(key);
      await store.keepKey(key);
    }
  }
}

async function run(conversation: Conversation, turn: Turn): Promise<void> {
  const stop = new AbortController();
  running.set(turn.id, { conversation, turn, stop });
  const form = conversation.form && conversation.form.kind !== "text" ? { ...conversation.form } : undefined;
  Object.assign(turn, { state: "asking", answer: "", form, error: undefined, timings: undefined, evidence: undefined, cut: false });
  showSend();
  const work = async (): Promise<void> => {
    try {
      await withKey(() => answer(conversation, turn, stop.signal));
      turn.state = "done";
      if (conversation === current) spoken.textContent = `${texts.answer}: ${turn.answer}`;
    } catch (error) {
      turn.state = stop.signal.aborted ? "stopped" : "failed";
      if (!stop.signal.aborted) turn.error = error instanceof Error ? error.message : String(error);
    }
  };
  // Other tabs see by the lock that somebody is at it.
  await (navigator.locks ? navigator.locks.request(`owl3 ${turn.id}`, work) : work());
  running.delete(turn.id);
  refresh(turn, (view) => view.end());
  showSend();
  conversation.changed = Date.now();
  await saveNow(conversation);
}

function ask(): void {
  const { draft } = current;
  if (draft.text.trim() === "" || runningIn(current) || mendSchema()) return;
  const at = draft.edits ? current.turns.findIndex(({ id }) => id === draft.edits) : -1;
  const before = current.turns;
  if (at >= 0) current.turns = before.slice(0, at);
  const turn: Turn = { id: freshName(), question: draft.text, media: draft.media, answer: "", state: "asking" };
  current.turns.push(turn);
  current.draft = { text: "", media: [] };
  current.changed = Date.now();
  const removed = at >= 0 ? before.length - at - 1 : 0;
  const conversation = current;
  if (removed > 0) {
    notice(texts.removedTurns(removed), {
      label: texts.undo,
      run: () => {
        runningIn(conversation)?.stop.abort();
        conversation.turns = before;
        if (conversation === current) show();
        save(conversation);
      },
    });
  }
  show();
  void saveNow(conversation);
  void run(conversation, turn);
}

/** Where answers have no form yet that can be asked for, opens the place to mend it. */
function mendSchema(): boolean {
  if (problemOf(current.form) === "") return false;
  settingsOpen().querySelector<HTMLElement>(".source")!.focus();
  return true;
}

function again(turn: Turn): void {
  if (runningIn(current) || mendSchema()) return;
  const at = current.turns.indexOf(turn);
  const later = current.turns.slice(at + 1);
  if (later.length) {
    current.turns = current.turns.slice(0, at + 1);
    const conversation = current;
    const answered = { ...turn };
    notice(texts.removedTurns(later.length), {
      label: texts.undo,
      run: () => {
        runningIn(conversation)?.stop.abort();
        conversation.turns = [...conversation.turns.slice(0, at), answered, ...later];
        if (conversation === current) show();
        save(conversation);
      },
    });
  }
  Object.assign(turn, { state: "asking", answer: "", evidence: undefined });
  show();
  void run(current, turn);
}

function edit(turn: Turn): void {
  current.draft = { text: turn.question, media: turn.media.map((medium) => ({ ...medium })), edits: turn.id };
  showDraft();
  save(current);
  box.focus();
}

// ---- the question

const box = h("textarea", { id: "question", rows: 1, "aria-label": texts.question, enterkeyhint: "send" });
const tray = makeTray(
  (media) => {
    const emptied = media.length === 0;
    current.draft.media = media;
    save(current);
    showSend();
    if (emptied && !current.turns.length) talk.showWelcome();
  },
  (medium) => {
    const { text, media } = withMark(current.draft.text, box.selectionStart, current.draft.media, medium);
    current.draft.text = text;
    current.draft.media = media;
    showDraft();
    box.focus();
  },
);
const send = h("button", { type: "submit", class: "send" });
const editing = h("p", { class: "editing", hidden: true });
const formNote = h("p", { class: "editing", hidden: true });
const files = h("input", { type: "file", multiple: true, accept: "image/*,video/*,.heic,.heif,.avif,.jxl,.mkv", hidden: true });
const folder = h("input", { type: "file", multiple: true, webkitdirectory: true, hidden: true });
const addMenu = h("div", { class: "addmenu", hidden: true });
const more = iconButton("plus", texts.add, () => openMenu(addMenu.hidden), { "aria-expanded": "false" });

function openMenu(open: boolean): void {
  const choice = (name: IconName, label: string, how: Parameters<typeof pick>[0]): HTMLElement =>
    place(name, label, () => (openMenu(false), pick(how)));
  replaceChildren(
    addMenu,
    choice("picture", texts.choose, "files"),
    choice("folder", texts.chooseFolder, "folder"),
    choice("camera", texts.camera, "camera"),
    memories.length > 0 && choice("memory", texts.memories, "memory"),
  );
  addMenu.hidden = !open;
  more.setAttribute("aria-expanded", String(open));
  if (open) addMenu.querySelector("button")!.focus();
}
document.addEventListener("pointerdown", (event) => {
  if (!addMenu.hidden && !(event.target as Element).closest(".ask")) openMenu(false);
});

const form = h(
  "form",
  { class: "composer" },
  editing,
  formNote,
  tray.element,
  h("div", { class: "ask" }, more, addMenu, box, send),
  files,
  folder,
);

function showDraft(): void {
  const { draft } = current;
  const at = draft.edits ? current.turns.findIndex(({ id }) => id === draft.edits) : -1;
  const before = mediaBefore(current.turns, at >= 0 ? at : current.turns.length);
  tray.show(draft.media, before.reduce((sum, medium) => sum + imagesOf(medium), 0));
  box.value = draft.text;
  box.placeholder = current.turns.length || draft.media.length ? texts.askPlaceholder : texts.askFirst;
  editing.hidden = at < 0;
  if (at >= 0) {
    const cancel = h("button", { type: "button", class: "link", on: { click: leaveEdit } }, texts.cancel);
    replaceChildren(editing, texts.editing(current.turns.length - at - 1), " ", cancel);
  }
  talk.element.classList.toggle("editing", at >= 0);
  showForm();
  grow();
  showSend();
  if (!current.turns.length) talk.showWelcome();
}
function showForm(): void {
  const kind = current.form?.kind ?? "text";
  formNote.hidden = kind === "text";
  replaceChildren(formNote, texts.formNote[kind], " ", h("button", { type: "button", class: "link", on: { click: () => void settingsOpen() } }, texts.change));
}
function suggest(question: string): void {
  current.draft.text = question;
  showDraft();
  ask();
}
function leaveEdit(): void {
  current.draft = { text: "", media: [] };
  showDraft();
  save(current);
}
function grow(): void {
  box.style.height = "auto";
  box.style.height = `${Math.min(box.scrollHeight, window.innerHeight / 3)}px`;
}
function showSend(): void {
  const busy = runningIn(current) !== undefined;
  replaceChildren(send, icon(busy ? "stop" : "send"));
  const label = busy ? texts.stop : texts.ask;
  send.setAttribute("aria-label", label);
  send.title = label;
  send.disabled = !busy && current.draft.text.trim() === "";
  send.classList.toggle("busy", busy);
}

box.addEventListener("input", () => {
  current.draft.text = box.value;
  grow();
  showSend();
  save(current);
});
box.addEventListener("keydown", (event) => {
  const plain = event.key === "Enter" && !event.shiftKey && !event.isComposing;
  if (!plain || matchMedia("(pointer: coarse)").matches) return;
  event.preventDefault();
  if (!runningIn(current)) ask();
});
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const busy = runningIn(current);
  if (busy) busy.stop.abort();
  else ask();
});

async function take(all: File[]): Promise<void> {
  const conversation = current;
  const strangers = all.filter((file) => !kindOf(file));
  const wanted = all.filter((file) => kindOf(file));
  if (strangers.length) notice(texts.notMedia(strangers.map(({ name }) => name)));
  else if (!wanted.length) notice(texts.noFiles);
  if (!wanted.length) return;
  let full = false;
  const media = await Promise.all(wanted.map((file) => mediumOf(file, kindOf(file)!, () => (full = true))));
  if (full) notice(texts.full);
  conversation.draft.media = [...conversation.draft.media, ...media];
  if (conversation === current) showDraft();
  save(conversation);
}

function pick(how: "files" | "folder" | "camera" | "memory"): void {
  if (how === "files") files.click();
  else if (how === "folder") folder.click();
  else if (how === "camera") void openCamera((picture) => void take([picture]), () => ({ model, sampler: samplerOf(settings), form: current.form }));
  else openMemories(memories, (memory) => takeMemory(memory));
}
function takeMemory(memory: Remote): void {
  const medium: Medium = { id: freshName(), kind: "memory", name: memory.id, remote: memory.id, images: memory.images, seconds: memory.seconds };
  current.draft.media = [...current.draft.media, medium];
  showDraft();
  save(current);
}
for (const input of [files, folder]) {
  input.addEventListener("change", () => {
    void take(sortFiles(Array.from(input.files ?? [])));
    input.value = "";
    box.focus();
  });
}
document.addEventListener("paste", (event) => {
  const pasted = Array.from(event.clipboardData?.files ?? []);
  if (!pasted.length) return;
  event.preventDefault();
  void take(pasted);
});

const drop = h("div", { class: "drop", hidden: true }, h("span", {}, texts.dropHere));
function brings(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}
document.addEventListener("dragover", (event) => {
  if (!brings(event)) return;
  event.preventDefault();
  drop.hidden = false;
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) drop.hidden = true;
});
document.addEventListener("drop", (event) => {
  drop.hidden = true;
  if (!brings(event)) return;
  event.preventDefault();
  void filesOfDrop(event.dataTransfer!).then(take);
  box.focus();
});

// ---- what is beside it

function settingsOpen(): HTMLDialogElement {
  const conversation = current;
  return openSettings(conversation, settings, () => {
    save(conversation);
    showForm();
    void store.keepSettings(settings);
  });
}

function builders(of?: Turn): void {
  const turn = of ?? current.turns.at(-1);
  const index = turn ? current.turns.indexOf(turn) : -1;
  const body = turn && requestOf(current, index, settings, model);
  const media = turn ? [...mediaBefore(current.turns, index), ...turn.media] : [];
  openBuilders(turn, body, media, () => notice(texts.copied));
}

function download(): void {
  const blob = new Blob([savedForm(current, settings)], { type: "application/json" });
  const name = `${titleOf(current).replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 40) || "conversation"}.json`;
  const link = h("a", { download: name });
  link.href = URL.createObjectURL(blob);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  notice(texts.downloadNote(`owl3 chat --load ${name}`));
}

document.addEventListener("keydown", (event) => {
  const typing = (event.target as HTMLElement).matches("input, textarea, select");
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") {
    if (!addMenu.hidden) openMenu(false), more.focus();
    else if (document.body.classList.contains("menu")) document.body.classList.remove("menu");
    else if (runningIn(current)) runningIn(current)!.stop.abort();
    else if (current.draft.edits) leaveEdit();
  } else if (event.key === "/" && !typing) {
    event.preventDefault();
    box.focus();
  } else if (event.key === "?" && !typing) {
    openHelp();
  } else if (event.altKey && event.code === "KeyN") {
    event.preventDefault();
    fresh();
  } else if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
    event.preventDefault();
    const at = list.findIndex(({ id }) => id === current.id);
    const next = list[at + (event.key === "ArrowUp" ? -1 : 1)];
    if (next) choose(next);
  }
});

// ---- the beginning

async function greet(): Promise<void> {
  try {
    await withKey(async () => {
      model = await modelName();
      memories = await storedMemories();
    });
    if (!current.turns.length) talk.show(current);
    modelLabel.textContent = model;
  } catch (error) {
    if (error instanceof Refusal && (error.gone || error.busy)) void serverIsGone();
  }
}

const modelLabel = h("span", { class: "model" });
document.body.append(
  h("a", { class: "skip", href: "#question", on: { click: (event) => (event.preventDefault(), box.focus()) } }, texts.skip),
  side,
  shade,
  h(
    "div",
    { class: "page" },
    h(
      "header",
      { class: "top" },
      iconButton("menu", texts.openMenu, () => document.body.classList.toggle("menu"), { class: "quiet menubutton" }),
      heading,
      modelLabel,
      iconButton("save", texts.download, download),
    ),
    banner,
    scroller,
    notices,
    h("div", { class: "foot" }, form),
  ),
  drop,
  spoken,
);
list = await store.allConversations();
current = list.find(({ id }) => id === location.hash.slice(1)) ?? current;
show();
box.focus();
if (!kept) notice(texts.notKept);
void greet();
void store.sweepFiles();
