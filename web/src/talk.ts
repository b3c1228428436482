// The conversation: questions with their pictures, answers as they come, and what they were read from.
import { h, icon, iconButton, replaceChildren } from "./dom.js";
import { evidenceView, shownOf } from "./evidence.js";
import { isJson, jsonText } from "./json.js";
import { imagesOf, loadingOf, whenLoadingChanges } from "./media.js";
import { mediaBefore } from "./request.js";
import { texts } from "./texts.js";
import { mosaic } from "./tray.js";
import { type Conversation, type Medium, type Turn } from "./types.js";
import { openViewer } from "./viewer.js";
import { jsonView, wordsView } from "./words.js";

export interface Acts {
  again(turn: Turn): void;
  edit(turn: Turn): void;
  code(turn: Turn): void;
  notice(text: string): void;
}

interface TurnView {
  element: HTMLElement;
  progress(text: string): void;
  text(): void;
  end(): void;
}

/** "40 images encoded · 12 tokens in 0.4 s" */
function costOf(turn: Turn): string {
  const { timings, tokens } = turn;
  if (!timings) return "";
  const encoded = timings.media?.encoded ?? 0;
  const time = ((timings.prompt_ms ?? 0) + (timings.predicted_ms ?? 0)) / 1000;
  return `${texts.encodedNow(encoded)} · ${texts.tokensIn(tokens ?? timings.predicted_n ?? 0, time)}`;
}

function viewTurn(conversation: Conversation, turn: Turn, acts: Acts): TurnView {
  const index = conversation.turns.indexOf(turn);
  const before = mediaBefore(conversation.turns, index);
  const offset = before.reduce((sum, medium) => sum + imagesOf(medium), 0);
  const all = [...before, ...turn.media];
  const openMedium = (medium: Medium, image: number): void => {
    const shown = shownOf(all);
    const at = shown.findIndex((one) => one.medium === medium && one.image === image);
    openViewer(shown, Math.max(0, at), turn.evidence);
  };
  const status = h("p", { class: "status", role: "status" });
  const answer = h("div", { class: "answer" });
  let text: HTMLElement = h("p", { class: "text" });
  const foot = h("div", { class: "foot" });
  const evidence = h("div");
  const question = h(
    "div",
    { class: "question" },
    h("h2", { class: "hidden" }, texts.yourQuestion),
    turn.media.length > 0 && mosaic(turn.media, offset, openMedium),
    turn.question !== "" && h("p", { class: "text" }, turn.question),
  );
  answer.append(h("h2", { class: "hidden" }, texts.answer), text, status, evidence, foot);
  const element = h("article", { class: "turn", "data-state": turn.state }, question, answer);

  // What was asked for as JSON is shown so while it comes, too.
  const isShownAsJson = (): boolean => (turn.form ? /^\s*[{[]/.test(turn.answer) : turn.state !== "asking" && isJson(turn.answer));
  const put = (other: HTMLElement): void => {
    text.replaceWith(other);
    text = other;
  };
  const showText = (): void => {
    if (isShownAsJson()) put(jsonView(turn.answer));
    else if (text.matches("p.text")) text.textContent = turn.answer;
    else put(h("p", { class: "text" }, turn.answer));
  };
  const showFoot = (): void => {
    const cost = costOf(turn);
    replaceChildren(
      foot,
      turn.answer !== "" &&
        iconButton("copy", texts.copy, () => {
          void copy(isShownAsJson() ? jsonText(turn.answer) : turn.answer).then(() => acts.notice(texts.copied));
        }),
      iconButton("again", texts.again, () => acts.again(turn)),
      iconButton("edit", texts.edit, () => acts.edit(turn)),
      iconButton("code", texts.code, () => acts.code(turn)),
      cost !== "" && h("span", { class: "cost" }, cost),
    );
  };
  const view: TurnView = {
    element,
    progress(what) {
      status.textContent = what;
    },
    text() {
      showText();
      if (turn.answer) status.textContent = "";
    },
    end() {
      element.dataset.state = turn.state;
      showText();
      status.classList.toggle("bad", turn.state === "failed");
      const ends: Record<Turn["state"], string> = {
        asking: "",
        done: turn.cut ? texts.cut : turn.answer === "" ? texts.empty : "",
        stopped: texts.stopped,
        interrupted: texts.interrupted,
        failed: texts.failedAnswer(turn.error ?? ""),
      };
      status.textContent = ends[turn.state];
      showFoot();
      if (!turn.evidence || turn.state !== "done") return;
      const why = evidenceView(turn.evidence, all, (shown, at) => openViewer(shown, at, turn.evidence));
      const words = isShownAsJson() ? jsonView(turn.answer, turn.evidence, why) : wordsView(turn.answer, turn.evidence, why);
      if (words) put(words);
      replaceChildren(evidence, why.element);
    },
  };
  if (turn.state === "asking") view.text();
  else view.end();
  return view;
}

async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without https browsers have the old way only.
    const area = h("textarea", { class: "hidden" });
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
}

export interface Talk {
  element: HTMLElement;
  show(conversation: Conversation): void;
  /** What stands there before anything is asked. */
  showWelcome(): void;
  view(turn: Turn): TurnView | undefined;
}

export function makeTalk(acts: Acts, welcome: () => HTMLElement): Talk {
  const element = h("div", { class: "talk", role: "log", "aria-label": texts.answer, "aria-live": "off" });
  const views = new Map<string, TurnView>();
  return {
    element,
    show(conversation) {
      views.clear();
      for (const turn of conversation.turns) views.set(turn.id, viewTurn(conversation, turn, acts));
      const turns = conversation.turns.map((turn) => views.get(turn.id)!.element);
      replaceChildren(element, ...(turns.length ? turns : [welcome()]));
    },
    showWelcome: () => replaceChildren(element, welcome()),
    view: (turn) => views.get(turn.id),
  };
}

/** What is waited for before a question can be asked. */
export function tellOfLoading(media: Medium[], told: (text: string) => void): () => void {
  const tell = (): void => {
    const ready = media.filter((medium) => loadingOf(medium).state === "ready").length;
    if (ready < media.length) told(texts.waitingForMedia(ready, media.length));
  };
  tell();
  return whenLoadingChanges(tell);
}

/** Instead of the welcome, once there is something to ask about. */
export function readyView(model: string, media: Medium[], ask: (question: string) => void): HTMLElement {
  const { owlet, owletFilm, one, several, film } = texts.examples;
  const films = media.some(({ kind }) => kind === "video");
  const small = model === "owlet";
  const questions = films ? (small ? owletFilm : film) : small && media.length > 1 ? owlet : media.length > 1 ? several : one;
  return h(
    "div",
    { class: "welcome" },
    h("h1", {}, texts.nowAsk),
    h("p", {}, texts.forInstance),
    h("div", { class: "picks" }, ...questions.map((question) => h("button", { type: "button", class: "pick", on: { click: () => ask(question) } }, question))),
  );
}

export function welcomeView(model: string, choose: (how: "files" | "folder" | "camera" | "memory") => void, memories: boolean): HTMLElement {
  const button = (name: "picture" | "folder" | "camera" | "memory", label: string, how: "files" | "folder" | "camera" | "memory"): HTMLElement =>
    h("button", { type: "button", class: "pick", on: { click: () => choose(how) } }, icon(name), label);
  const owl = h("img", { alt: "", class: "owl" });
  owl.src = "/icon.svg";
  return h(
    "div",
    { class: "welcome" },
    owl,
    h("h1", {}, texts.welcome),
    h("p", {}, texts.welcomeText),
    h(
      "div",
      { class: "picks" },
      button("picture", texts.choose, "files"),
      button("folder", texts.chooseFolder, "folder"),
      button("camera", texts.camera, "camera"),
      memories && button("memory", texts.memories, "memory"),
    ),
    model === "owlet" && h("p", { class: "note" }, texts.owlet),
    h("p", { class: "note" }, texts.private(location.host)),
  );
}
