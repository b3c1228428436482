// JSON as people read it: laid out in lines, whole or as far as it has come, without a letter of it changed.

export interface Piece {
  text: string;
  begin: number; // in the text that was laid out; blanks that were put in have begin === end
  end: number;
  kind: "key" | "value" | "mark" | "blank";
}

const kShortList = 60; // letters of an array that stays in one line
const PIECE = /"[^"\\]*(?:\\.[^"\\]*)*"?|[{}[\],:]|[^\s"{}[\],:]+/gs;

/** True of an object or an array. */
export function isJson(text: string): boolean {
  if (!/^\s*[{[]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function piecesOf(text: string): Piece[] {
  const pieces = Array.from(text.matchAll(PIECE), ({ 0: part, index }): Piece => {
    const kind = "{}[],:".includes(part) ? "mark" : "value";
    return { text: part, begin: index, end: index + part.length, kind };
  });
  pieces.forEach((piece, i) => {
    if (piece.kind === "value" && pieces[i + 1]?.text === ":") piece.kind = "key";
  });
  return pieces;
}

function isScalar(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Where a text that is no JSON goes wrong: at its end, if it only isn't finished. Browsers tell it each in its way. */
export function faultOf(text: string): number {
  const open: string[] = [];
  let next: "value" | "value or end" | "key" | "key or end" | "colon" | "comma or end" = "value";
  let last = 0;
  const strangerUntil = (end: number): number => text.slice(last, end).search(/[^ \t\r\n]/); // a blank of other texts
  for (const { text: part, begin, end, kind } of piecesOf(text)) {
    if (strangerUntil(begin) >= 0) return last + strangerUntil(begin);
    last = end;
    const inside = open.at(-1);
    if (inside && next.endsWith("end") && part === (inside === "{" ? "}" : "]")) {
      open.pop();
      next = "comma or end";
    } else if (next === "comma or end") {
      if (part !== "," || !inside) return begin;
      next = inside === "{" ? "key" : "value";
    } else if (next === "colon") {
      if (part !== ":") return begin;
      next = "value";
    } else if (next.startsWith("key")) {
      if (!part.startsWith('"') || !isScalar(part)) return begin;
      next = "colon";
    } else if (part === "{" || part === "[") {
      open.push(part);
      next = part === "{" ? "key or end" : "value or end";
    } else {
      if (kind === "mark" || !isScalar(part)) return begin;
      next = "comma or end";
    }
  }
  return strangerUntil(text.length) >= 0 ? last + strangerUntil(text.length) : text.length;
}

/** Where the array that begins at `at` ends, as far as it has come, if it is short and has nothing nested; else -1. */
function endOfShortList(pieces: Piece[], at: number): number {
  let letters = 0;
  for (let i = at + 1; i < pieces.length; ++i) {
    const { text } = pieces[i]!;
    if (text === "]") return i;
    letters += text.length;
    if (text === "{" || text === "[" || letters > kShortList) return -1;
  }
  return pieces.length;
}

/** The pieces of a JSON text with blanks between them that show how it is built. */
export function laidOut(text: string): Piece[] {
  const pieces = piecesOf(text);
  const all: Piece[] = [];
  let depth = 0;
  let shortUntil = -1;
  const blank = (what: string, at: number): void => void all.push({ text: what, begin: at, end: at, kind: "blank" });
  const line = (at: number): void => blank(`\n${"  ".repeat(depth)}`, at);
  pieces.forEach((piece, i) => {
    const opens = piece.text === "{" || piece.text === "[";
    const closes = piece.text === "}" || piece.text === "]";
    const empty = /^[\]}]$/.test(pieces[i + 1]?.text ?? "");
    if (piece.text === "[" && i > shortUntil) shortUntil = Math.max(shortUntil, endOfShortList(pieces, i));
    const short = i <= shortUntil;
    if (closes && !short && !/^[[{]$/.test(pieces[i - 1]?.text ?? "")) {
      depth = Math.max(0, depth - 1);
      line(piece.begin);
    }
    all.push(piece);
    if (piece.text === ":") blank(" ", piece.end);
    else if (piece.text === ",") short ? blank(" ", piece.end) : line(piece.end);
    else if (opens && !short && !empty && i + 1 < pieces.length) {
      depth += 1;
      line(piece.end);
    }
  });
  return all;
}

export function jsonText(text: string): string {
  return laidOut(text).map((piece) => piece.text).join("");
}
