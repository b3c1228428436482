// What opens beside the conversation: settings, builders' panel, keys, camera, stored memories.
import { type ChatBody, type Remote } from "./api.js";
import { h, iconButton, openDialog } from "./dom.js";
import { formFields } from "./form.js";
import { type Language, codeOf } from "./request.js";
import { seconds, texts } from "./texts.js";
import { type Conversation, type Medium, PRESETS, type Sampler, type Settings, type Turn } from "./types.js";

export function openSettings(conversation: Conversation, settings: Settings, changed: () => void): HTMLDialogElement {
  const system = h("textarea", { rows: 3, placeholder: texts.systemHint });
  system.value = conversation.system;
  system.addEventListener("input", () => {
    conversation.system = system.value;
    changed();
  });
  const preset = h("select");
  for (const [name, label] of Object.entries(texts.presets)) preset.append(h("option", { value: name }, label));
  const inputs = Object.entries(texts.fields).map(([name, label]) => {
    const whole = name === "top_k" || name === "max_tokens" || name === "seed";
    const input = h("input", { type: "number", min: 0, step: whole ? 1 : "any", placeholder: texts.byDefault, inputmode: "decimal" });
    const key = name as keyof Sampler;
    input.addEventListener("input", () => {
      // A change makes it one's own, beginning at what was chosen.
      if (settings.preset !== "own") settings.own = { ...PRESETS[settings.preset] };
      settings.preset = "own";
      preset.value = "own";
      settings.own[key] = input.value === "" ? undefined : Number(input.value);
      changed();
    });
    return { key, input, element: h("label", {}, label, input, h("small", {}, texts.fieldHints[key])) };
  });
  const show = (): void => {
    const sampler = settings.preset === "own" ? settings.own : PRESETS[settings.preset];
    for (const { key, input } of inputs) input.value = sampler[key] === undefined ? "" : String(sampler[key]);
  };
  preset.value = settings.preset;
  preset.addEventListener("change", () => {
    settings.preset = preset.value as Settings["preset"];
    show();
    changed();
  });
  show();
  const evidence = h("input", { type: "checkbox" });
  evidence.checked = settings.evidence;
  evidence.addEventListener("change", () => {
    settings.evidence = evidence.checked;
    changed();
  });
  return openDialog(
    texts.settings,
    "panel",
    h("label", {}, texts.systemMessage, system),
    formFields(conversation, changed),
    h("label", {}, texts.preset, preset),
    h("div", { class: "fields" }, ...inputs.map(({ element }) => element)),
    h("label", { class: "check" }, evidence, texts.evidenceWanted),
  );
}

// ---- for builders

function timingsView(turn: Turn): HTMLElement {
  const { timings } = turn;
  const times: [string, number][] = [
    [texts.timingNames.decode, timings?.media?.decode_ms ?? 0],
    [texts.timingNames.encode, timings?.media?.encode_ms ?? 0],
    [texts.timingNames.prompt, timings?.prompt_ms ?? 0],
    [texts.timingNames.predicted, timings?.predicted_ms ?? 0],
  ];
  const most = Math.max(...times.map(([, time]) => time), 1e-9);
  return h(
    "table",
    { class: "timings" },
    h("caption", {}, texts.timings),
    h(
      "tbody",
      {},
      ...times.map(([name, time]) => {
        const bar = h("span", { class: "bar" });
        bar.style.setProperty("--share", String(time / most));
        return h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, bar), h("td", { class: "time" }, time < 100 ? `${time.toFixed(1)} ms` : seconds(time / 1000)));
      }),
    ),
  );
}

export function openBuilders(
  turn: Turn | undefined,
  body: ChatBody | undefined,
  media: Medium[],
  copied: () => void,
): void {
  if (!turn || !body) {
    openDialog(texts.builders, "panel wide", h("p", {}, texts.noRequest));
    return;
  }
  const code = h("code");
  const tabs = h("div", { class: "tabs", role: "tablist", "aria-label": texts.lastRequest });
  const languages: Language[] = ["curl", "Python", "JavaScript"];
  const pre = h("pre", { role: "tabpanel", tabindex: 0, id: "code" }, code);
  const choose = (language: Language): void => {
    code.textContent = codeOf(body, media, language, location.origin);
    languages.forEach((other, i) => {
      const tab = tabs.children[i] as HTMLElement;
      tab.setAttribute("aria-selected", String(other === language));
      tab.tabIndex = other === language ? 0 : -1;
    });
    pre.setAttribute("aria-label", language);
  };
  languages.forEach((language, i) => {
    const tab = h("button", { type: "button", role: "tab", "aria-controls": "code", on: { click: () => choose(language) } }, language);
    tab.addEventListener("keydown", (event) => {
      const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
      const next = languages[i + step];
      if (!step || !next) return;
      choose(next);
      (tabs.children[i + step] as HTMLElement).focus();
    });
    tabs.append(tab);
  });
  choose("curl");
  openDialog(
    texts.builders,
    "panel wide",
    h("h3", {}, texts.lastRequest),
    h(
      "div",
      { class: "row" },
      tabs,
      iconButton("copy", texts.copy, () => void navigator.clipboard?.writeText(code.textContent ?? "").then(copied)),
    ),
    pre,
    media.length > 0 && h("p", { class: "note" }, texts.uploadNote),
    timingsView(turn),
  );
}

export function openHelp(): void {
  openDialog(
    texts.help,
    "panel",
    h(
      "table",
      { class: "keys" },
      h("tbody", {}, ...texts.keys.map(([key, what]) => h("tr", {}, h("th", { scope: "row" }, h("kbd", {}, key)), h("td", {}, what)))),
    ),
    h("p", { class: "note" }, texts.about),
  );
}

export function openMemories(memories: Remote[], take: (memory: Remote) => void): void {
  const list = h("ul", { class: "choices" });
  const dialog = openDialog(texts.memories, "panel", list);
  for (const memory of memories) {
    list.append(
      h(
        "li",
        {},
        h(
          "button",
          {
            type: "button",
            on: {
              click: () => {
                take(memory);
                dialog.close();
              },
            },
          },
          h("b", {}, memory.id),
          h("span", {}, texts.memoryImages(memory.images)),
        ),
      ),
    );
  }
}

/** Asks for the key that the server wants. */
export function askForKey(): Promise<string> {
  return new Promise((resolve) => {
    const input = h("input", { type: "password", autocomplete: "off", required: true });
    const form = h("form", { method: "dialog", class: "fields" }, h("label", {}, texts.key, input), h("button", { class: "primary" }, texts.keySave));
    const dialog = openDialog(texts.keyNeeded, "panel", form);
    dialog.addEventListener("close", () => resolve(input.value.trim()));
  });
}
