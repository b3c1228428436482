// Elements, made of text alone: nothing that a model or a file name says is ever markup.

export type Child = Node | string | false | null | undefined;
type Listeners = { [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void };
export interface Props {
  on?: Listeners;
  [attribute: string]: string | number | boolean | Listeners | undefined;
}

function fill(element: Element, props: Props, children: Child[]): void {
  for (const [name, value] of Object.entries(props)) {
    if (name === "on" || value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const [name, listener] of Object.entries(props.on ?? {})) {
    element.addEventListener(name, listener as EventListener);
  }
  for (const child of children) if (child) element.append(child);
}

/** h("p", {class: "note"}, "text", anotherElement) */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  fill(element, props, children);
  return element;
}

export function svg(tag: string, props: Props = {}, ...children: Child[]): SVGElement {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  fill(element, props, children);
  return element;
}

const PATHS = {
  plus: "M12 5v14M5 12h14",
  menu: "M4 7h16M4 12h16M4 17h16",
  close: "M6 6l12 12M18 6L6 18",
  send: "M12 19V5M6 11l6-6 6 6",
  stop: "M7 7h10v10H7z",
  copy: "M9 9h10v11H9zM5 15V4h10",
  again: "M4 12a8 8 0 1 0 2.5-5.8M4 4v5h5",
  edit: "M4 20l1-5L16 4l4 4L9 19zM13 7l4 4",
  save: "M12 4v11M7 10l5 5 5-5M5 20h14",
  bin: "M5 7h14M10 4h4M7 7l1 13h8l1-13",
  sliders: "M4 8h9M17 8h3M15 5v6M4 16h3M11 16h9M9 13v6",
  code: "M8 7l-5 5 5 5M16 7l5 5-5 5M13.5 5l-3 14",
  camera: "M4 8h4l2-3h4l2 3h4v11H4zM12 17a4 4 0 1 0 0-8 4 4 0 0 0 0 8z",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9.5h.01",
  folder: "M4 6h6l2 3h8v10H4z",
  memory: "M5 6c0-3 14-3 14 0v12c0 3-14 3-14 0zM5 6c0 3 14 3 14 0M5 12c0 3 14 3 14 0",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  film: "M4 5h16v14H4zM8 5v14M16 5v14M4 9.7h4M4 14.3h4M16 9.7h4M16 14.3h4",
  keys: "M3 7h18v11H3zM7 11h.01M11 11h.01M15 11h.01M8 14.5h8",
  eye: "M2.5 12C6 6.5 18 6.5 21.5 12 18 17.5 6 17.5 2.5 12zM12 14.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
} as const;
export type IconName = keyof typeof PATHS;

export function icon(name: IconName): SVGElement {
  return svg(
    "svg",
    { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" },
    svg("path", { d: PATHS[name] }),
  );
}

/** A button that shows an icon, and says what it does to whoever asks. */
export function iconButton(
  name: IconName,
  label: string,
  act: (event: MouseEvent) => void,
  props: Props = {},
): HTMLButtonElement {
  return h(
    "button",
    { type: "button", class: "quiet", "aria-label": label, title: label, ...props, on: { click: act } },
    icon(name),
  );
}

export function replaceChildren(element: Element, ...children: Child[]): void {
  element.replaceChildren(...children.filter((child): child is Node | string => !!child));
}

let labels = 0;
/** An id for what a label or a description points at. */
export function freshId(): string {
  return `e${++labels}`;
}

/** A dialog that goes when it is closed, with its heading and a way out. */
export function openDialog(title: string, kind: string, ...children: Child[]): HTMLDialogElement {
  const id = freshId();
  const dialog = h("dialog", { class: kind, "aria-labelledby": id });
  dialog.append(
    h(
      "header",
      {},
      h("h2", { id }, title),
      iconButton("close", "Close", () => dialog.close()),
    ),
  );
  for (const child of children) if (child) dialog.append(child);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}
