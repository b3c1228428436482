// The pictures and films of the next question: put in order by dragging or keys, removed, opened.
import { h, iconButton, openDialog, replaceChildren } from "./dom.js";
import { shownOf, thumbFor } from "./evidence.js";
import { ensure, framesOf, giveUp, imagesOf, loadingOf, whenLoadingChanges } from "./media.js";
import { clock, texts } from "./texts.js";
import { type Medium, type Sampling } from "./types.js";
import { openViewer } from "./viewer.js";

const kDragAfter = 6; // pixels
const kHoldMilliseconds = 300; // of a finger

export interface Tray {
  element: HTMLElement;
  show(media: Medium[], before: number): void;
}

function statusOf(medium: Medium): string {
  const { state, share, error } = loadingOf(medium);
  switch (state) {
    case "waiting":
      return texts.waiting;
    case "sending":
      return texts.sending(share);
    case "encoding":
      return texts.encoding;
    case "ready":
      return medium.warning ?? texts.ready(imagesOf(medium));
    case "failed":
      return texts.failed(error ?? "");
  }
}

/** `changed` hears of each new order; `mark` of a medium whose mark is to stand in the text. */
export function makeTray(changed: (media: Medium[]) => void, mark: (medium: Medium) => void): Tray {
  let media: Medium[] = [];
  let offset = 0; // images of earlier questions
  const items = new Map<string, HTMLLIElement>();
  const list = h("ul", { class: "tray", "aria-label": texts.tray });
  const bar = h("progress", { max: 1, value: 0, "aria-label": texts.encoding });
  const sum = h("span", { class: "sum", role: "status" });
  const clear = h("button", { type: "button", class: "link", on: { click: () => update([]) } }, texts.clearTray);
  const element = h(
    "div",
    { class: "traybox", hidden: true },
    list,
    h("div", { class: "row" }, sum, bar, clear),
    h("p", { class: "hidden", id: "trayhint" }, texts.trayHint),
  );

  function update(next: Medium[]): void {
    for (const medium of media) if (!next.includes(medium)) giveUp(medium);
    media = next;
    arrange();
    changed(media);
  }
  function move(medium: Medium, to: number): void {
    const next = media.filter((other) => other !== medium);
    next.splice(Math.max(0, Math.min(to, next.length)), 0, medium);
    if (next.every((other, i) => other === media[i])) return;
    update(next);
  }
  function open(medium: Medium): void {
    const shown = shownOf(media);
    openViewer(shown, Math.max(0, shown.findIndex((one) => one.medium === medium)));
  }

  function itemOf(medium: Medium): HTMLLIElement {
    const main = h("button", { type: "button", class: "item", "aria-describedby": "trayhint", tabindex: -1 });
    main.append(thumbFor({ medium }), h("span", { class: "number" }), h("span", { class: "load" }));
    const item = h("li", { "data-state": "waiting" }, main);
    const actions = h("span", { class: "actions" });
    actions.append(
      iconButton("close", texts.remove(medium.name), () => remove(medium), { tabindex: -1, class: "small" }),
      iconButton("plus", texts.mark, () => mark(medium), { tabindex: -1, class: "small" }),
    );
    if (medium.kind === "video") {
      actions.append(iconButton("sliders", texts.filmSettings, () => openFilmSettings(medium, again), { tabindex: -1, class: "small" }));
    }
    item.append(actions);
    main.addEventListener("click", () => item.classList.contains("dragged") || open(medium));
    main.addEventListener("keydown", (event) => keys(event, medium));
    drag(item, main, medium);
    return item;
  }
  function again(medium: Medium): void {
    giveUp(medium);
    medium.remote = medium.seconds = medium.images = undefined;
    void ensure(medium).catch(() => {});
    changed(media);
    tell(medium);
  }
  function remove(medium: Medium): void {
    const at = media.indexOf(medium);
    update(media.filter((other) => other !== medium));
    focus(media[Math.min(at, media.length - 1)]);
  }
  function focus(medium: Medium | undefined): void {
    const button = medium && items.get(medium.id)?.querySelector<HTMLButtonElement>(".item");
    if (!button) return;
    for (const other of list.querySelectorAll<HTMLElement>(".item")) other.tabIndex = -1;
    button.tabIndex = 0;
    button.focus();
  }
  function keys(event: KeyboardEvent, medium: Medium): void {
    const at = media.indexOf(medium);
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step && event.altKey) move(medium, at + step);
    else if (event.key === "Delete" || event.key === "Backspace") return remove(medium), event.preventDefault();
    else if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    focus(event.altKey ? medium : media[at + step]);
  }

  /** With a mouse at once, with a finger that stays for a moment: else it scrolls. */
  function drag(item: HTMLLIElement, main: HTMLElement, medium: Medium): void {
    main.addEventListener("pointerdown", (down) => {
      if (down.button !== 0) return;
      const touch = down.pointerType === "touch";
      let dragging = false;
      const begin = (): void => {
        dragging = true;
        item.classList.add("dragged");
      };
      const hold = touch ? setTimeout(begin, kHoldMilliseconds) : 0;
      const go = (event: PointerEvent): void => {
        const far = Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) > kDragAfter;
        if (!dragging && far && !touch) begin();
        if (!dragging) return far ? end() : undefined;
        const over = document.elementFromPoint(event.clientX, event.clientY)?.closest("li");
        const target = media.find((other) => items.get(other.id) === over);
        if (target && target !== medium) move(medium, media.indexOf(target));
      };
      const still = (event: TouchEvent): void => {
        if (dragging) event.preventDefault();
      };
      const end = (): void => {
        clearTimeout(hold);
        window.removeEventListener("pointermove", go);
        window.removeEventListener("pointerup", end);
        window.removeEventListener("pointercancel", end);
        window.removeEventListener("touchmove", still);
        setTimeout(() => item.classList.remove("dragged"));
      };
      window.addEventListener("pointermove", go);
      window.addEventListener("pointerup", end);
      window.addEventListener("pointercancel", end);
      window.addEventListener("touchmove", still, { passive: false });
    });
  }

  function arrange(): void {
    for (const [id, item] of items) {
      if (media.some((medium) => medium.id === id)) continue;
      item.remove();
      items.delete(id);
    }
    media.forEach((medium, i) => {
      let item = items.get(medium.id);
      if (!item) items.set(medium.id, (item = itemOf(medium)));
      if (list.children[i] !== item) list.insertBefore(item, list.children[i] ?? null);
    });
    element.hidden = media.length === 0;
    const buttons = list.querySelectorAll<HTMLElement>(".item");
    if (buttons[0] && ![...buttons].some((button) => button.tabIndex === 0)) buttons[0].tabIndex = 0;
    number();
    summarise();
  }
  function number(): void {
    let at = offset + 1;
    for (const medium of media) {
      const item = items.get(medium.id)!;
      item.querySelector(".number")!.textContent = String(at);
      at += imagesOf(medium);
      paint(medium, item);
    }
  }
  function paint(medium: Medium, item: HTMLLIElement): void {
    const { state, share } = loadingOf(medium);
    item.dataset.state = state;
    item.style.setProperty("--share", String(state === "sending" ? share : 1));
    const label = `${texts.number(Number(item.querySelector(".number")!.textContent))}, ${medium.name}: ${statusOf(medium)}`;
    const main = item.querySelector<HTMLElement>(".item")!;
    main.setAttribute("aria-label", label);
    main.title = label;
    const strip = item.querySelector(".frames");
    if (medium.kind === "video" && medium.seconds && !strip) item.append(frameStrip(medium));
    else if (strip && !medium.seconds) strip.remove();
  }
  function summarise(): void {
    const ready = media.filter((medium) => loadingOf(medium).state === "ready");
    const failed = media.filter((medium) => loadingOf(medium).state === "failed");
    const images = ready.reduce((sum, medium) => sum + imagesOf(medium), 0);
    const done = ready.length + failed.length === media.length;
    bar.hidden = done;
    bar.value = media.reduce((sum, medium) => {
      const { state, share } = loadingOf(medium);
      return sum + (state === "ready" || state === "failed" ? 1 : state === "waiting" ? 0 : 0.6 * share);
    }, 0) / Math.max(1, media.length);
    const first = failed[0];
    sum.textContent = first
      ? `${first.name} ${texts.failed(loadingOf(first).error ?? "")}`
      : done
        ? texts.allReady(images)
        : texts.progress(ready.length, media.length);
    sum.classList.toggle("bad", !!first);
  }
  function tell(medium: Medium): void {
    const item = items.get(medium.id);
    if (!item) return;
    if (loadingOf(medium).state === "ready" && imagesOf(medium) !== 1) number();
    else paint(medium, item);
    summarise();
  }
  let dirty = false;
  whenLoadingChanges((medium) => {
    if (!media.includes(medium)) return;
    tell(medium);
    if (loadingOf(medium).state !== "ready" || dirty) return;
    dirty = true; // many get ready at once: kept once
    setTimeout(() => {
      dirty = false;
      changed(media);
    }, 300);
  });
  return {
    element,
    show(next, before) {
      media = next;
      offset = before;
      arrange();
      for (const medium of media) void ensure(medium).catch(() => {});
    },
  };
}

/** The frames of a film that are looked at, with their times. */
export function frameStrip(medium: Medium, open?: (image: number) => void): HTMLElement {
  const seconds = medium.seconds ?? [];
  const strip = h("ol", { class: "frames", "aria-label": texts.frames(seconds.length), tabindex: 0 });
  const boxes = seconds.map((at, image) => {
    const box = h("span", { class: "thumb" });
    const label = h("span", { class: "time" }, clock(at));
    strip.append(
      h(
        "li",
        {},
        open
          ? h("button", { type: "button", class: "card", "aria-label": texts.frameAt(clock(at)), on: { click: () => open(image) } }, box, label)
          : h("span", { class: "card" }, box, label),
      ),
    );
    return box;
  });
  void framesOf(medium, seconds, (index, address) => {
    const picture = h("img", { alt: "" });
    picture.src = address;
    boxes[index]!.replaceChildren(picture);
  });
  return strip;
}

function openFilmSettings(medium: Medium, again: (medium: Medium) => void): void {
  const sampling: Sampling = { ...medium.sampling };
  const field = (name: keyof Sampling, label: string, placeholder: string, min: number, step: number): HTMLElement => {
    const input = h("input", { type: "number", min, step, placeholder, inputmode: "decimal", value: sampling[name] ?? "" });
    input.addEventListener("input", () => {
      sampling[name] = input.value === "" ? undefined : Number(input.value);
    });
    return h("label", {}, label, input);
  };
  const form = h(
    "form",
    { method: "dialog", class: "fields" },
    field("fps", texts.fps, "1", 0.01, "any" as unknown as number),
    field("max_frames", texts.maxFrames, "128", 1, 1),
    field("start", texts.from, "0", 0, "any" as unknown as number),
    field("end", texts.to, texts.toEnd, 0, "any" as unknown as number),
    h("button", { class: "primary" }, texts.lookAgain),
  );
  form.addEventListener("submit", () => {
    medium.sampling = sampling;
    again(medium);
  });
  openDialog(texts.filmSettings, "panel", form);
}

const kFewThumbs = 16;

/** The pictures of a question that was asked: few of them first, all when wanted. */
export function mosaic(media: Medium[], before: number, open: (medium: Medium, image: number) => void): HTMLElement {
  const element = h("div", { class: "mosaic" });
  let all = media.length <= kFewThumbs + 2;
  const show = (): void => {
    const few = all ? media : media.slice(0, kFewThumbs);
    let at = before + 1;
    const buttons = few.map((medium) => {
      const number = at;
      at += imagesOf(medium);
      if (medium.kind === "video" && medium.seconds) {
        return h("div", { class: "film" }, h("span", { class: "filmname" }, `${medium.name} · ${texts.frames(medium.seconds.length)}`), frameStrip(medium, (image) => open(medium, image)));
      }
      return h(
        "button",
        { type: "button", class: "item", "aria-label": `${texts.number(number)}, ${medium.name}`, title: medium.name, on: { click: () => open(medium, 0) } },
        thumbFor({ medium }),
        h("span", { class: "number" }, medium.kind === "memory" ? texts.memoryImages(imagesOf(medium)) : String(number)),
      );
    });
    const left = media.length - few.length;
    replaceChildren(
      element,
      ...buttons,
      left > 0 && h("button", { type: "button", class: "more", on: { click: () => ((all = true), show()) } }, `+${left}`),
      all && media.length > kFewThumbs + 2 && h("button", { type: "button", class: "link", on: { click: () => ((all = false), show()) } }, texts.fewer),
    );
    element.querySelector(".more")?.setAttribute("aria-label", texts.more(left));
  };
  show();
  return element;
}
