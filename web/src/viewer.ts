// One picture or frame, as large as it can be, with the heat of what was read in it.
import { h, iconButton, openDialog } from "./dom.js";
import { type Shown, nameOf } from "./evidence.js";
import { type OpenFilm, openFilm } from "./media.js";
import { findFile } from "./store.js";
import { texts } from "./texts.js";
import { type Evidence } from "./types.js";

const kMostPixels = 1600;

/** Of heat maps, a canvas of the grid's size, from clear to warm. */
function heatCanvas(heat: number[], columns: number, rows: number): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext("2d")!;
  const pixels = context.createImageData(columns, rows);
  const most = Math.max(...heat, 1e-12);
  heat.slice(0, columns * rows).forEach((value, i) => {
    const warmth = Math.sqrt(value / most);
    pixels.data.set([255, Math.round(190 - 150 * warmth), 20, Math.round(235 * warmth)], 4 * i);
  });
  context.putImageData(pixels, 0, 0);
  return canvas;
}

export function openViewer(shown: Shown[], start: number, evidence?: Evidence): void {
  let index = start;
  let film: { file: string; open: OpenFilm } | null = null;
  let strength = 0.75;
  const picture = h("canvas", { class: "picture" });
  const heat = h("canvas", { class: "heat", "aria-hidden": "true" });
  const caption = h("p", { class: "caption", "aria-live": "polite" });
  const note = h("p", { class: "note" });
  const slider = h("input", { type: "range", min: 0, max: 100, value: 75, "aria-label": texts.heat });
  const heatLabel = h("label", { class: "slider" }, texts.heat, slider);
  const stage = h("div", { class: "stage" }, picture, heat);
  const walk = h("input", { type: "range", min: 1, max: shown.length, "aria-label": texts.number(start + 1), class: "walk" });
  const step = (by: number): void => {
    index = (index + by + shown.length) % shown.length;
    void show();
  };

  async function imageOf(what: Shown): Promise<HTMLCanvasElement | null> {
    const kept = what.medium.file ? await findFile(what.medium.file) : undefined;
    if (!kept) return null;
    if (what.medium.kind === "video") {
      if (film?.file !== what.medium.file) {
        film?.open.close();
        film = { file: what.medium.file!, open: await openFilm(kept.blob) };
      }
      return await film!.open.frame(what.seconds ?? 0, kMostPixels);
    }
    const bitmap = await createImageBitmap(kept.blob);
    const scale = Math.min(1, kMostPixels / Math.max(bitmap.width, bitmap.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(bitmap.width * scale));
    canvas.height = Math.max(1, Math.round(bitmap.height * scale));
    canvas.getContext("2d")!.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    bitmap.close();
    return canvas;
  }

  async function show(): Promise<void> {
    const what = shown[index]!;
    const mine = index;
    const share = evidence?.images[index]?.share;
    const place = `${what.number} of ${shown.length}`;
    caption.textContent = `${place} · ${nameOf(what)}${share === undefined ? "" : ` · ${texts.share(share)}`}`;
    walk.value = String(index + 1);
    walk.setAttribute("aria-label", texts.number(index + 1));
    const image = await imageOf(what).catch(() => null);
    if (mine !== index) return;
    picture.hidden = !image;
    const values = image ? evidence?.images[index]?.heat : undefined;
    heat.hidden = heatLabel.hidden = !values;
    note.textContent = image ? (evidence ? (values ? texts.heatMeans : texts.noHeat) : "") : texts.cannotShow;
    if (!image) return;
    for (const canvas of [picture, heat]) {
      canvas.width = image.width;
      canvas.height = image.height;
    }
    picture.getContext("2d")!.drawImage(image, 0, 0);
    if (values && evidence) {
      const context = heat.getContext("2d")!;
      context.imageSmoothingQuality = "high";
      context.drawImage(heatCanvas(values, evidence.columns, evidence.rows), 0, 0, heat.width, heat.height);
      heat.style.opacity = String(strength);
    }
  }

  slider.addEventListener("input", () => {
    strength = Number(slider.value) / 100;
    heat.style.opacity = String(strength);
  });
  walk.addEventListener("input", () => {
    index = Number(walk.value) - 1;
    void show();
  });
  const several = shown.length > 1;
  const dialog = openDialog(
    texts.number(start + 1),
    "viewer",
    stage,
    h(
      "div",
      { class: "controls" },
      several && iconButton("left", texts.previous, () => step(-1)),
      several && walk,
      several && iconButton("right", texts.next, () => step(1)),
      heatLabel,
    ),
    caption,
    note,
  );
  dialog.addEventListener("keydown", (event) => {
    if ((event.target as HTMLElement).matches("input")) return;
    if (event.key === "ArrowRight") step(1);
    if (event.key === "ArrowLeft") step(-1);
  });
  dialog.addEventListener("close", () => film?.open.close());
  void show();
}
