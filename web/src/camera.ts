// The camera: pictures for the conversation, and a standing question about what it sees, whose answers
// make a log.
import { type ChatBody, Refusal, chat, upload } from "./api.js";
import { h, openDialog, replaceChildren } from "./dom.js";
import { formatOf } from "./form.js";
import { texts } from "./texts.js";
import { type AnswerForm, type Medium, type Sampler, freshName } from "./types.js";

const kLooksBack = 8; // pictures that a standing question is about, the newest last
const kMostLines = 200;

function pictureOf(video: HTMLVideoElement): Promise<Blob | null> {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d")!.drawImage(video, 0, 0);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.9));
}

interface Options {
  model: string;
  sampler: Sampler;
  form?: AnswerForm;
}

/** Asks about each new picture until it is stopped. */
async function watch(
  video: HTMLVideoElement,
  question: string,
  seconds: number,
  options: Options,
  told: (picture: Blob, answer: string, failed: boolean) => void,
  signal: AbortSignal,
): Promise<void> {
  const names: string[] = [];
  while (!signal.aborted) {
    const due = Date.now() + 1000 * seconds;
    const picture = await pictureOf(video);
    if (picture && !signal.aborted) {
      let answer = "";
      let failed = false;
      try {
        const medium: Medium = { id: freshName(), kind: "image", name: "camera.jpg" };
        names.push((await upload(medium, picture, () => {}, signal)).id);
        if (names.length > kLooksBack) names.shift();
        const content = [...names.map((media) => ({ type: "media" as const, media })), { type: "text" as const, text: question }];
        const body: ChatBody = { model: options.model, messages: [{ role: "user", content }], ...options.sampler, ...formatOf(options.form) };
        await chat(body, { text: (piece) => (answer += piece), progress: () => {} }, signal);
      } catch (error) {
        if (signal.aborted) return;
        failed = true;
        answer = error instanceof Error ? error.message : String(error);
        if (error instanceof Refusal && error.code === "media_not_found") names.length = 0;
      }
      told(picture, answer, failed);
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(200, due - Date.now())));
  }
}

export async function openCamera(
  take: (picture: File) => void,
  options: () => Options,
): Promise<void> {
  const note = h("p", { class: "note", role: "status" });
  const video = h("video", { autoplay: true, playsinline: true, "aria-label": texts.camera });
  video.muted = true;
  const shoot = h("button", { type: "button", class: "primary" }, texts.takePicture);
  const taken = h("span", { class: "note" });
  const question = h("input", { type: "text", placeholder: texts.standingExample });
  const every = h("input", { type: "number", min: 1, max: 3600, value: 10, inputmode: "numeric" });
  const start = h("button", { type: "submit", class: "primary" }, texts.watch);
  const log = h("ol", { class: "log", "aria-live": "polite", "aria-label": texts.watchLog });
  const form = h(
    "form",
    { class: "standing" },
    h("label", {}, texts.standing, question),
    h("label", {}, texts.every, every),
    start,
  );
  const dialog = openDialog(texts.camera, "panel wide", h("div", { class: "camera" }, h("div", {}, video, h("div", { class: "row" }, shoot, taken), note), h("div", {}, form, log)));
  let stream: MediaStream | undefined;
  let watching: AbortController | undefined;
  const stop = (): void => {
    watching?.abort();
    watching = undefined;
    start.textContent = texts.watch;
  };
  const release = (): void => stream?.getTracks().forEach((track) => track.stop());
  dialog.addEventListener("close", () => {
    stop();
    release();
  });
  let count = 0;
  shoot.disabled = start.disabled = true;
  shoot.addEventListener("click", async () => {
    const blob = await pictureOf(video);
    if (blob) take(new File([blob], `camera-${++count}.jpg`, { type: "image/jpeg" }));
    replaceChildren(taken, texts.pictures(count));
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (watching) return stop();
    if (!question.value.trim()) return question.focus();
    watching = new AbortController();
    start.textContent = texts.stopWatching;
    const told = (picture: Blob, answer: string, failed: boolean): void => {
      const image = h("img", { alt: "" });
      image.src = URL.createObjectURL(picture);
      image.addEventListener("load", () => URL.revokeObjectURL(image.src));
      log.prepend(h("li", {}, image, h("time", {}, new Date().toLocaleTimeString()), h("span", { class: failed ? "bad" : "" }, answer)));
      while (log.childElementCount > kMostLines) log.lastElementChild!.remove();
    };
    void watch(video, question.value, Math.max(1, Number(every.value) || 10), options(), told, watching.signal);
  });
  try {
    if (!navigator.mediaDevices) throw new Error(texts.cameraNeedsSafety);
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    video.srcObject = stream;
    await video.play();
    shoot.disabled = start.disabled = false;
    if (!dialog.isConnected) release();
  } catch (error) {
    video.hidden = shoot.hidden = form.hidden = true;
    note.textContent = texts.noCamera(error instanceof Error ? error.message : String(error));
  }
}
