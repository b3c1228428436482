// What an answer was read from: a ranked strip, a line over all images, and words that know theirs.
import { h, replaceChildren } from "./dom.js";
import { framesOf, imagesOf, thumbOf } from "./media.js";
import { clock, percent, texts } from "./texts.js";
import { type Evidence, type Medium } from "./types.js";

/** One image that the model has seen: a picture, a part of it, or a frame. */
export interface Shown {
  medium: Medium;
  image: number; // of that medium
  number: number; // among all, from 1
  seconds?: number; // of a frame
}

export function shownOf(media: Medium[]): Shown[] {
  const all: Shown[] = [];
  for (const medium of media) {
    for (let image = 0; image < imagesOf(medium); ++image) {
      all.push({ medium, image, number: all.length + 1, seconds: medium.seconds?.[image] });
    }
  }
  return all;
}

export function nameOf(shown: Shown): string {
  const { medium, image, seconds } = shown;
  if (seconds !== undefined) return `${medium.name}, ${texts.frameAt(clock(seconds))}`;
  const images = imagesOf(medium);
  if (medium.kind !== "image" || images === 1) return medium.name;
  return image + 1 === images ? `${medium.name} as a whole` : `${medium.name}, part ${image + 1} of ${images - 1}`;
}

type Json = Record<string, unknown>;
const numbers = (value: unknown): number[] => (Array.isArray(value) ? value.map(Number) : []);

/** As the server sends it. */
export function readEvidence(json: unknown): Evidence | undefined {
  const { images, leading, tokens, grid } = json as Json;
  if (!Array.isArray(images) || images.length === 0) return undefined;
  const shape = Array.isArray(grid) ? numbers(grid) : [Number((grid as Json)?.rows), Number((grid as Json)?.columns)];
  const all = (images as Json[]).map((image) => ({
    share: Number(image.share) || 0,
    heat: Array.isArray(image.heat_map) ? numbers(image.heat_map).flat() : undefined,
  }));
  const ranks = numbers(leading).map((number) => number - 1);
  const some = (Array.isArray(tokens) ? tokens : []) as Json[];
  return {
    images: all,
    leading: ranks.filter((index) => index in all),
    tokens: some.map((token) => ({ text: String(token.text ?? ""), shares: numbers(token.shares) })),
    rows: shape[0] || 0,
    columns: shape[1] || 0,
  };
}

// ---- a picture of one

/** A small picture of what is shown, which comes when it can. */
export function thumbFor(shown: Pick<Shown, "medium" | "seconds">, signal?: AbortSignal): HTMLElement {
  const { medium, seconds } = shown;
  const box = h("span", { class: "thumb", "data-kind": medium.kind });
  const put = (address: string | null): void => {
    if (!address) {
      box.replaceChildren(h("span", { class: "nothumb" }, medium.name));
      return;
    }
    const picture = h("img", { alt: "", decoding: "async", draggable: "false" });
    picture.src = address;
    box.replaceChildren(picture);
  };
  if (medium.kind === "video" && seconds !== undefined) {
    void thumbOf(medium).then((address) => box.childElementCount || put(address));
    void framesOf(medium, [seconds], (_, address) => put(address), signal);
  } else {
    void thumbOf(medium).then(put);
  }
  return box;
}

// ---- the line over all images

const kLineHeight = 44;

function drawLine(canvas: HTMLCanvasElement, shares: number[], shown: Shown[]): void {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth;
  if (width === 0) return;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(kLineHeight * ratio);
  const context = canvas.getContext("2d")!;
  context.scale(ratio, ratio);
  const style = getComputedStyle(canvas);
  const most = Math.max(...shares, 1e-9);
  const step = width / shares.length;
  const floor = kLineHeight - 1;
  context.fillStyle = style.getPropertyValue("--line");
  context.fillRect(0, floor, width, 1);
  // Of a film, hills; of pictures, pillars.
  context.fillStyle = style.getPropertyValue("--warm");
  if (shown.length > 2 && shown.every(({ seconds }) => seconds !== undefined)) {
    const high = (share: number): number => floor - (share / most) * (kLineHeight - 4);
    context.beginPath();
    context.moveTo(0, floor);
    context.lineTo(0, high(shares[0]!));
    shares.forEach((share, i) => context.lineTo((i + 0.5) * step, high(share)));
    context.lineTo(width, high(shares.at(-1)!));
    context.lineTo(width, floor);
    context.fill();
    return;
  }
  const gap = step > 4 ? Math.min(3, step * 0.25) : 0;
  shares.forEach((share, i) => {
    const height = Math.max((share / most) * (kLineHeight - 4), share > 0.005 ? 1.5 : 0);
    context.fillRect(i * step + gap / 2, floor - height, Math.max(step - gap, 0.8), height);
  });
}

// ---- all of it

const kMostCards = 8;
const kLeastShare = 0.01;

/** For whoever listens. */
function hidden(text: string): HTMLElement {
  return h("span", { class: "hidden" }, text);
}

function ranked(shares: number[]): number[] {
  return shares.map((_, i) => i).sort((a, b) => shares[b]! - shares[a]! || a - b);
}

export interface EvidenceView {
  element: HTMLElement;
  /** Shows what one word was read from; null: the whole answer. */
  point(word: { text: string; shares: number[] } | null): void;
}

export function evidenceView(
  evidence: Evidence,
  media: Medium[],
  open: (shown: Shown[], index: number) => void,
): EvidenceView {
  const shown = shownOf(media);
  const whole = evidence.images.map(({ share }) => share);
  const heading = h("h3", {}, texts.readFrom);
  const strip = h("ol", { class: "strip" });
  const line = h("canvas", { class: "line", role: "img", "aria-label": texts.evidenceLine(whole.length), title: texts.evidenceLine(whole.length) });
  const tip = h("output", { class: "tip", hidden: true });
  const films = shown.filter(({ seconds }) => seconds !== undefined);
  const scale =
    films.length > 1 && films.length === shown.length
      ? h("div", { class: "scale", "aria-hidden": "true" }, h("span", {}, clock(films[0]!.seconds!)), h("span", {}, clock(films.at(-1)!.seconds!)))
      : null;
  let shares = whole;

  const card = (index: number): HTMLElement | null => {
    const what = shown[index];
    if (!what) return null;
    const share = shares[index] ?? 0;
    const bar = h("span", { class: "bar" });
    bar.style.setProperty("--share", String(share));
    const label = what.seconds === undefined ? `${what.number}` : clock(what.seconds);
    return h(
      "li",
      {},
      h(
        "button",
        {
          type: "button",
          class: "card",
          title: nameOf(what),
          "data-number": what.number,
          on: { click: () => open(shown, index) },
        },
        thumbFor(what),
        h(
          "span",
          { class: "caption" },
          h("span", {}, hidden(what.seconds === undefined ? texts.imageWord : `${nameOf(what)}: `), h("b", {}, label)),
          h("span", {}, what.seconds === undefined && hidden(`, ${what.medium.name}: `), percent(share), hidden(texts.ofWhatWasRead)),
        ),
        bar,
      ),
    );
  };

  const show = (): void => {
    const order = shares === whole && evidence.leading.length ? evidence.leading : ranked(shares);
    const leading = order.filter((index, rank) => (rank === 0 ? shares[index]! > 0 : shares[index]! >= kLeastShare));
    const cards = leading.slice(0, kMostCards).map(card);
    replaceChildren(strip, ...(cards.length ? cards : [h("li", { class: "none" }, texts.readFromNothing)]));
    drawLine(line, shares, shown);
  };

  const at = (event: PointerEvent | MouseEvent): number => {
    const box = line.getBoundingClientRect();
    return Math.max(0, Math.min(whole.length - 1, Math.floor(((event.clientX - box.left) / box.width) * whole.length)));
  };
  line.addEventListener("click", (event) => open(shown, at(event)));
  line.addEventListener("pointermove", (event) => {
    const index = at(event);
    const what = shown[index];
    if (!what) return;
    tip.textContent = `${what.number} · ${nameOf(what)} · ${percent(shares[index] ?? 0)}`;
    tip.hidden = false;
  });
  line.addEventListener("pointerleave", () => (tip.hidden = true));
  new ResizeObserver(() => drawLine(line, shares, shown)).observe(line);

  const meaning = h("p", { hidden: true }, texts.evidenceMeans);
  const what = h("button", { type: "button", class: "link", "aria-expanded": "false" }, texts.evidenceWhat);
  what.addEventListener("click", () => {
    meaning.hidden = !meaning.hidden;
    what.setAttribute("aria-expanded", String(!meaning.hidden));
  });
  const element = h(
    "section",
    { class: "evidence", "aria-label": texts.readFrom },
    h("div", { class: "row" }, heading, what),
    meaning,
    strip,
    whole.length > 1 ? h("div", { class: "lines" }, line, scale, tip) : null,
  );
  show();
  return {
    element,
    point(word) {
      shares = word?.shares ?? whole;
      heading.textContent = word ? texts.readFromWord(word.text.trim()) : texts.readFrom;
      show();
    },
  };
}
