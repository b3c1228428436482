// What the browser keeps: conversations, the files that they are about, settings. In IndexedDB, or,
// where the browser allows none, until the page is closed.
import { type Conversation, type Settings, freshName } from "./types.js";

export interface KeptFile {
  id: string;
  blob: Blob;
  thumb?: Blob;
}

type Name = "conversations" | "files" | "settings";
let database: IDBDatabase | null = null;
const unkept: Record<Name, Map<string, unknown>> = {
  conversations: new Map(),
  files: new Map(),
  settings: new Map(),
};

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB"));
  });
}

/** False where nothing can be kept. */
export async function openStore(): Promise<boolean> {
  try {
    const request = indexedDB.open("owl3", 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("conversations", { keyPath: "id" });
      request.result.createObjectStore("files", { keyPath: "id" });
      request.result.createObjectStore("settings");
    };
    database = await done(request);
    return true;
  } catch {
    return false;
  }
}

function store(name: Name, mode: IDBTransactionMode): IDBObjectStore | null {
  return database?.transaction(name, mode).objectStore(name) ?? null;
}

async function get<T>(name: Name, key: string): Promise<T | undefined> {
  const from = store(name, "readonly");
  return (from ? await done(from.get(key)) : unkept[name].get(key)) as T | undefined;
}

async function put(name: Name, key: string, value: unknown): Promise<void> {
  unkept[name].delete(key);
  const to = store(name, "readwrite");
  if (!to) unkept[name].set(key, value);
  else await done(to.keyPath === null ? to.put(value, key) : to.put(value));
}

async function remove(name: Name, key: string): Promise<void> {
  unkept[name].delete(key);
  const from = store(name, "readwrite");
  if (from) await done(from.delete(key));
}

export async function allConversations(): Promise<Conversation[]> {
  const from = store("conversations", "readonly");
  const all = (from ? await done(from.getAll()) : [...unkept.conversations.values()]) as Conversation[];
  return all.sort((a, b) => b.changed - a.changed);
}

export function findConversation(id: string): Promise<Conversation | undefined> {
  return get("conversations", id);
}

/**
 * Keeps a conversation. Where another tab has kept a newer state of it meanwhile, this one becomes
 * a copy with a name of its own, so that neither is lost: then true.
 */
export async function keepConversation(conversation: Conversation): Promise<boolean> {
  const to = store("conversations", "readwrite");
  const kept = (to ? await done(to.get(conversation.id)) : undefined) as Conversation | undefined;
  const forked = kept !== undefined && kept.version !== conversation.version;
  if (forked) conversation.id = freshName();
  conversation.version += 1;
  if (to) await done(to.put(conversation));
  else unkept.conversations.set(conversation.id, conversation);
  tellOthers(conversation.id);
  return forked;
}

export async function forgetConversation(id: string): Promise<void> {
  await remove("conversations", id);
  tellOthers(id);
}

/** In private windows WebKit keeps no Blobs, but what is in them. */
interface PackedFile {
  id: string;
  parts: { bytes: ArrayBuffer; type: string }[];
}
const kMostPacked = 256 * 1024 * 1024; // a film of more would be in memory as a whole

async function pack({ id, blob, thumb }: KeptFile): Promise<PackedFile> {
  const blobs = thumb ? [blob, thumb] : [blob];
  return { id, parts: await Promise.all(blobs.map(async (one) => ({ bytes: await one.arrayBuffer(), type: one.type }))) };
}

function unpack({ id, parts }: PackedFile): KeptFile {
  const [blob, thumb] = parts.map(({ bytes, type }) => new Blob([bytes], { type }));
  return { id, blob: blob!, thumb };
}

/** False where the browser has no room: it is there until the page is closed. */
export async function keepFile(file: KeptFile): Promise<boolean> {
  try {
    await put("files", file.id, file).catch(async (error: unknown) => {
      if (file.blob.size > kMostPacked) throw error;
      await put("files", file.id, await pack(file));
    });
    return true;
  } catch {
    unkept.files.set(file.id, file);
    return false;
  }
}

export async function findFile(id: string): Promise<KeptFile | undefined> {
  const kept = (unkept.files.get(id) as KeptFile | undefined) ?? (await get<KeptFile | PackedFile>("files", id));
  return kept && "parts" in kept ? unpack(kept) : kept;
}

/** Files that no conversation is about any more. */
export async function sweepFiles(): Promise<void> {
  const from = store("files", "readonly");
  if (!from) return;
  const names = (await done(from.getAllKeys())) as string[];
  const wanted = new Set<string>();
  for (const { turns, draft } of await allConversations()) {
    for (const media of [...turns.map((turn) => turn.media), draft.media]) {
      for (const medium of media) if (medium.file) wanted.add(medium.file);
    }
  }
  for (const name of names) if (!wanted.has(name)) await remove("files", name);
}

export async function readSettings(): Promise<Settings> {
  const kept = await get<Settings>("settings", "settings");
  return { preset: "model", own: {}, evidence: true, ...kept };
}

export function keepSettings(settings: Settings): Promise<void> {
  return put("settings", "settings", settings);
}

export async function readKey(): Promise<string> {
  return (await get<string>("settings", "key")) ?? "";
}

export function keepKey(key: string): Promise<void> {
  return put("settings", "key", key);
}

const channel = "BroadcastChannel" in window ? new BroadcastChannel("owl3") : null;

function tellOthers(id: string): void {
  channel?.postMessage(id);
}

/** Of each conversation that another tab has kept or forgotten. */
export function whenOthersChange(call: (id: string) => void): void {
  channel?.addEventListener("message", (event) => call(String(event.data)));
}
