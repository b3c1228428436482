// Answers whose words, or values where they are JSON, show what they were read from.
import { h } from "./dom.js";
import { type EvidenceView } from "./evidence.js";
import { type Piece, laidOut } from "./json.js";
import { type Evidence } from "./types.js";

interface Word {
  text: string;
  shares: number[];
}

/** Tokens put together to words: the shares of the token that was most sure of an image. */
function wordsOf(evidence: Evidence): Word[] {
  const words: Word[] = [];
  for (const token of evidence.tokens) {
    const last = words.at(-1);
    const goesOn = last !== undefined && !/^\s/.test(token.text) && !/\s$/.test(last.text) && !/^[.,;:!?]/.test(token.text);
    if (!last || !goesOn) {
      words.push({ text: token.text, shares: token.shares });
      continue;
    }
    last.text += token.text;
    if (Math.max(0, ...token.shares) > Math.max(0, ...last.shares)) last.shares = token.shares;
  }
  return words;
}

/** Makes words in `element`, to be pointed at and walked through, that show what they were read from. */
function wordMaker(element: HTMLElement, view: EvidenceView): (text: string, word: Word) => HTMLElement {
  const spans: HTMLElement[] = [];
  let pinned: HTMLElement | null = null;
  const point = (span: HTMLElement | null, word: Word | null): void => {
    element.querySelector(".pointed")?.classList.remove("pointed");
    span?.classList.add("pointed");
    view.point(word);
  };
  element.addEventListener("keydown", (event) => {
    const now = spans.indexOf(document.activeElement as HTMLElement);
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    const next = spans[now + step];
    if (!step || now < 0 || !next || event.altKey) return;
    event.preventDefault();
    spans[now]!.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });
  return (text, word) => {
    const span = h("span", { class: "word", role: "button", tabindex: spans.length === 0 ? 0 : -1 }, text);
    span.addEventListener("pointerenter", () => pinned || point(span, word));
    span.addEventListener("pointerleave", () => pinned || point(null, null));
    span.addEventListener("focus", () => point(span, word));
    span.addEventListener("blur", () => pinned || point(null, null));
    span.addEventListener("click", () => {
      pinned = pinned === span ? null : span;
      point(pinned, pinned && word);
    });
    spans.push(span);
    return span;
  };
}

/** The answer, its words to be pointed at; null where the words are not the answer's. */
export function wordsView(answer: string, evidence: Evidence, view: EvidenceView): HTMLElement | null {
  const words = wordsOf(evidence);
  if (words.map(({ text }) => text).join("").trim() !== answer.trim()) return null;
  const element = h("p", { class: "words" });
  const make = wordMaker(element, view);
  for (const word of words) {
    const lead = /^\s*/.exec(word.text)![0];
    if (lead) element.append(lead);
    // One that is blanks alone is nothing to be pointed at.
    if (lead.length < word.text.length) element.append(make(word.text.slice(lead.length), word));
  }
  return element;
}

/** Of each value of a JSON text the shares of the token that was most sure of an image. */
function sharesOf(pieces: Piece[], answer: string, evidence: Evidence): Map<Piece, number[]> {
  const told = evidence.tokens.map(({ text }) => text).join("");
  const shares = new Map<Piece, number[]>();
  if (told.trim() !== answer.trim()) return shares;
  const values = pieces.filter(({ kind }) => kind === "value");
  let begin = answer.length - answer.trimStart().length - (told.length - told.trimStart().length);
  let at = 0;
  for (const token of evidence.tokens) {
    const end = begin + token.text.length;
    while (at < values.length && values[at]!.end <= begin) ++at;
    for (let i = at; i < values.length && values[i]!.begin < end; ++i) {
      const known = shares.get(values[i]!);
      if (!known || Math.max(0, ...token.shares) > Math.max(0, ...known)) shares.set(values[i]!, token.shares);
    }
    begin = end;
  }
  return shares;
}

/** An answer that is JSON, in lines; with its evidence, its values are to be pointed at. */
export function jsonView(answer: string, evidence?: Evidence, view?: EvidenceView): HTMLElement {
  const element = h("pre", { class: view ? "words json" : "text json" });
  const make = view && wordMaker(element, view);
  const pieces = laidOut(answer);
  const shares = evidence ? sharesOf(pieces, answer, evidence) : new Map<Piece, number[]>();
  for (const piece of pieces) {
    const word = shares.get(piece);
    if (make && word) element.append(make(piece.text, { text: piece.text.replace(/^"(.*)"$/s, "$1"), shares: word }));
    else if (piece.kind === "key") element.append(h("span", { class: "key" }, piece.text));
    else element.append(piece.text);
  }
  return element;
}
