// Pictures and films: taken from what is dropped, kept, sent, and shown.
import { Refusal, upload } from "./api.js";
import { patiently } from "./connection.js";
import { findFile, keepFile } from "./store.js";
import { texts } from "./texts.js";
import { type Kind, type Medium, freshName } from "./types.js";

const kThumbSize = 320;
const kSentAtOnce = 4;
const IMAGE_NAMES = /\.(jpe?g|png|webp|gif|bmp|tiff?|heic|heif|avif|jxl)$/i;
const FILM_NAMES = /\.(mp4|m4v|mov|mkv|webm|avi|mpe?g|ts|ogv|wmv|flv|3gp)$/i;

export function kindOf(file: File): Kind | null {
  if (file.type.startsWith("image/") || IMAGE_NAMES.test(file.name)) return "image";
  if (file.type.startsWith("video/") || FILM_NAMES.test(file.name)) return "video";
  return null;
}

const inOrder = new Intl.Collator(undefined, { numeric: true });

/** What was dropped: files, and those in folders, as deep as they go, in the order of their names. */
export async function filesOfDrop(data: DataTransfer): Promise<File[]> {
  const entries = Array.from(data.items, (item) => item.webkitGetAsEntry?.() ?? null);
  if (!entries.some((entry) => entry?.isDirectory)) return sortFiles(Array.from(data.files));
  const files: File[] = [];
  const visit = async (entry: FileSystemEntry): Promise<void> => {
    if (entry.isFile) {
      files.push(await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)));
      return;
    }
    const reader = (entry as FileSystemDirectoryEntry).createReader();
    for (;;) {
      const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
      if (some.length === 0) return;
      for (const inner of some) await visit(inner);
    }
  };
  for (const entry of entries) if (entry) await visit(entry);
  return sortFiles(files);
}

export function sortFiles(files: File[]): File[] {
  const path = (file: File): string => file.webkitRelativePath || file.name;
  return files.filter((file) => !file.name.startsWith(".")).sort((a, b) => inOrder.compare(path(a), path(b)));
}

// ---- what a browser shows of them

const thumbs = new Map<string, Promise<string | null>>();

async function draw(source: CanvasImageSource, width: number, height: number): Promise<Blob | null> {
  const scale = Math.min(1, kThumbSize / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  canvas.getContext("2d")!.drawImage(source, 0, 0, canvas.width, canvas.height);
  return await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.82));
}

async function makeThumb(kind: Kind, blob: Blob): Promise<Blob | null> {
  try {
    if (kind === "video") {
      const film = await openFilm(blob);
      const canvas = await film.frame(Math.min(0.1, film.duration / 2));
      film.close();
      return await draw(canvas, canvas.width, canvas.height);
    }
    const bitmap = await createImageBitmap(blob);
    const thumb = await draw(bitmap, bitmap.width, bitmap.height);
    bitmap.close();
    return thumb;
  } catch {
    return null; // a format that this browser doesn't know
  }
}

/** The address of a small picture of it; null where the browser can show none. */
export function thumbOf(medium: Medium): Promise<string | null> {
  const id = medium.file;
  if (!id) return Promise.resolve(null);
  let thumb = thumbs.get(id);
  if (!thumb) {
    thumb = (async () => {
      const kept = await findFile(id);
      if (!kept) return null;
      if (!kept.thumb) {
        const made = await makeThumb(medium.kind, kept.blob);
        if (!made) return null;
        kept.thumb = made;
        await keepFile(kept);
      }
      return URL.createObjectURL(kept.thumb);
    })();
    thumbs.set(id, thumb);
  }
  return thumb;
}

/** A film of which single frames can be had, one after the other. */
export interface OpenFilm {
  duration: number;
  frame(seconds: number, size?: number): Promise<HTMLCanvasElement>;
  close(): void;
}

function happens(video: HTMLVideoElement, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("late")), 8000);
    const end = (act: () => void) => () => {
      clearTimeout(late);
      act();
    };
    video.addEventListener(name, end(resolve), { once: true });
    video.addEventListener("error", end(() => reject(new Error("film"))), { once: true });
  });
}

export async function openFilm(blob: Blob): Promise<OpenFilm> {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.preload = "auto";
  const address = URL.createObjectURL(blob);
  const close = (): void => {
    video.removeAttribute("src");
    video.load();
    URL.revokeObjectURL(address);
  };
  try {
    const loaded = happens(video, "loadeddata");
    video.src = address;
    await loaded;
  } catch (error) {
    close();
    throw error;
  }
  const frame = async (seconds: number, size = 1e9): Promise<HTMLCanvasElement> => {
    const wanted = Math.min(seconds + 0.001, Math.max(0, video.duration - 0.001));
    if (Math.abs(video.currentTime - wanted) > 1e-4) {
      const sought = happens(video, "seeked");
      video.currentTime = wanted;
      await sought;
    }
    const scale = Math.min(1, size / Math.max(video.videoWidth, video.videoHeight));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    canvas.getContext("2d")!.drawImage(video, 0, 0, canvas.width, canvas.height);
    return canvas;
  };
  return { duration: video.duration, frame, close };
}

const frames = new Map<string, string>();
let filmQueue: Promise<unknown> = Promise.resolve();

/** Small pictures of a film's frames, told one by one, in their order; of one film at a time. */
export function framesOf(
  medium: Medium,
  seconds: number[],
  told: (index: number, address: string) => void,
  signal?: AbortSignal,
): Promise<void> {
  const key = (at: number): string => `${medium.file} ${at}`;
  seconds.forEach((at, index) => {
    const known = frames.get(key(at));
    if (known) told(index, known);
  });
  const work = async (): Promise<void> => {
    if (signal?.aborted || seconds.every((at) => frames.has(key(at)))) return;
    const kept = medium.file ? await findFile(medium.file) : undefined;
    if (!kept) return;
    const film = await openFilm(kept.blob);
    try {
      for (const [index, at] of seconds.entries()) {
        if (signal?.aborted) return;
        if (frames.has(key(at))) continue;
        const canvas = await film.frame(at, kThumbSize / 2);
        const blob = await draw(canvas, canvas.width, canvas.height);
        if (!blob) continue;
        const address = URL.createObjectURL(blob);
        frames.set(key(at), address);
        told(index, address);
      }
    } finally {
      film.close();
    }
  };
  const mine = filmQueue.then(work).catch(() => {});
  filmQueue = mine;
  return mine;
}

// ---- sending

export interface Loading {
  state: "waiting" | "sending" | "encoding" | "ready" | "failed";
  share: number; // of what is to be sent
  error?: string;
}

interface Sending {
  loading: Loading;
  result: Promise<void>;
  stop: AbortController;
}

const sendings = new Map<string, Sending>();
const listeners = new Set<(medium: Medium) => void>();
let running = 0;
const queue: (() => void)[] = [];

/** Until what comes back is called. */
export function whenLoadingChanges(call: (medium: Medium) => void): () => void {
  listeners.add(call);
  return () => listeners.delete(call);
}

function tell(medium: Medium): void {
  for (const call of listeners) call(medium);
}

export function loadingOf(medium: Medium): Loading {
  if (medium.remote) return { state: "ready", share: 1 };
  return sendings.get(medium.id)?.loading ?? { state: "waiting", share: 0 };
}

async function turn(): Promise<void> {
  if (running < kSentAtOnce) running += 1;
  else await new Promise<void>((resolve) => queue.push(resolve));
}
function release(): void {
  const next = queue.shift();
  if (next) next();
  else running -= 1;
}

async function send(medium: Medium, loading: Loading, signal: AbortSignal): Promise<void> {
  await turn();
  try {
    if (signal.aborted) throw new DOMException("given up", "AbortError");
    const kept = medium.file ? await findFile(medium.file) : undefined;
    if (!kept) throw new Refusal(410, texts.missing(medium.name));
    const progress = (share: number): void => {
      loading.state = share < 1 ? "sending" : "encoding";
      loading.share = share;
      tell(medium);
    };
    progress(0);
    const remote = await patiently(() => upload(medium, kept.blob, progress, signal), signal);
    medium.images = remote.images;
    medium.encoded = (medium.encoded ?? 0) + (remote.encoded ?? 0);
    medium.decodeMs = (medium.decodeMs ?? 0) + (remote.decode_ms ?? 0);
    medium.encodeMs = (medium.encodeMs ?? 0) + (remote.encode_ms ?? 0);
    medium.seconds = remote.seconds;
    medium.warning = remote.warning;
    medium.remote = remote.id;
    loading.state = "ready";
  } catch (error) {
    loading.state = "failed";
    loading.error = error instanceof Error ? error.message.replace(/^the body: /, "") : String(error);
    throw error;
  } finally {
    release();
    tell(medium);
  }
}

/** Has the server know it; resolved when it does. */
export function ensure(medium: Medium): Promise<void> {
  if (medium.remote) return Promise.resolve();
  const before = sendings.get(medium.id);
  if (before && before.loading.state !== "failed" && before.loading.state !== "ready") return before.result;
  const stop = new AbortController();
  const loading: Loading = { state: "waiting", share: 0 };
  const result = send(medium, loading, stop.signal);
  result.catch(() => {});
  sendings.set(medium.id, { loading, result, stop });
  tell(medium);
  return result;
}

/** It is not wanted any more. */
export function giveUp(medium: Medium): void {
  sendings.get(medium.id)?.stop.abort();
  sendings.delete(medium.id);
}

/** A medium of a file, which is kept. `told` hears of files there is no room for. */
export async function mediumOf(file: File, kind: Kind, told: () => void): Promise<Medium> {
  const id = freshName();
  if (!(await keepFile({ id, blob: file }))) told();
  return { id: freshName(), kind, name: file.name, file: id };
}

export function imagesOf(medium: Medium): number {
  return medium.images ?? 1;
}
