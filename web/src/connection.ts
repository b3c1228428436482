// Whether the server is there: found out by whoever asks it something in vain, watched until it is
// back, and told.
import { isThere, Refusal } from "./api.js";

const kBetweenLooks = 1500;
let back: Promise<void> | null = null;
let told: (there: boolean) => void = () => {};

export function whenServerChanges(call: (there: boolean) => void): void {
  told = call;
}

export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(new DOMException("given up", "AbortError"));
    }, { once: true });
  });
}

async function watch(): Promise<void> {
  told(false);
  do await sleep(kBetweenLooks);
  while (!(await isThere()));
  back = null;
  told(true);
}

/** Resolved when the server answers again. */
export function serverIsGone(): Promise<void> {
  back ??= watch();
  return back;
}

/** Does `what` until the server takes it: waits where it is gone, or has too much to do. */
export async function patiently<T>(
  what: () => Promise<T>,
  signal: AbortSignal,
  onQueue: (seconds: number) => void = () => {},
): Promise<T> {
  for (;;) {
    try {
      return await what();
    } catch (error) {
      if (!(error instanceof Refusal) || signal.aborted) throw error;
      if (error.gone) await Promise.race([serverIsGone(), aborted(signal)]);
      else if (error.busy) await countDown(Math.max(1, error.retryAfter || 2), signal, onQueue);
      else throw error;
    }
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(new DOMException("given up", "AbortError")), { once: true });
  });
}

async function countDown(all: number, signal: AbortSignal, told: (seconds: number) => void): Promise<void> {
  for (let left = Math.min(all, 60); left > 0; --left) {
    told(left);
    await sleep(1000, signal);
  }
}
