// web/dist, which is committed, is what a fresh build of web/ makes; its types are right; it is small.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import zlib from "node:zlib";
import { need, root } from "./common.mjs";

await need("esbuild");
await need("typescript");
const fresh = fs.mkdtempSync(path.join(os.tmpdir(), "owl3-page-"));
try {
  execFileSync(process.execPath, [path.join(root, "web/build.mjs"), fresh], { stdio: "inherit" });
  const names = fs.readdirSync(fresh).sort();
  assert.deepEqual(fs.readdirSync(path.join(root, "web/dist")).sort(), names);
  let bytes = 0;
  for (const name of names) {
    const built = fs.readFileSync(path.join(fresh, name));
    const committed = fs.readFileSync(path.join(root, "web/dist", name));
    assert.ok(built.equals(committed), `web/dist/${name} is not what web/ builds: node web/build.mjs`);
    bytes += zlib.gzipSync(built, { level: 9 }).length;
  }
  assert.ok(bytes < 200_000, `the page has ${bytes} bytes compressed`);
  console.log(`ok - ${names.join(", ")}: ${bytes} bytes compressed`);
} finally {
  fs.rmSync(fresh, { recursive: true });
}
execFileSync(process.execPath, [path.join(root, "node_modules/typescript/bin/tsc"), "-p", path.join(root, "web")], { stdio: "inherit" });
console.log("ok - types");
for (const name of fs.readdirSync(path.join(root, "web/src"))) {
  const source = fs.readFileSync(path.join(root, "web/src", name), "utf8");
  assert.doesNotMatch(source, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function/, name);
}
console.log("ok - text becomes markup nowhere");
