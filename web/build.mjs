// Builds the page into web/dist, or another folder: node web/build.mjs [FOLDER]
import { build } from "esbuild";
import { copyFile, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const web = dirname(fileURLToPath(import.meta.url));
const folder = process.argv[2] ?? join(web, "dist");
await mkdir(folder, { recursive: true });
await build({
  entryPoints: { page: join(web, "src/main.ts") },
  outdir: folder,
  bundle: true,
  format: "esm",
  minify: true,
  charset: "utf8",
  target: ["chrome120", "firefox121", "safari17"],
  legalComments: "none",
});
await build({
  entryPoints: { page: join(web, "page.css") },
  outdir: folder,
  minify: true,
  charset: "utf8",
  target: ["chrome120", "firefox121", "safari17"],
});
for (const file of ["page.html", "icon.svg"]) await copyFile(join(web, file), join(folder, file));
