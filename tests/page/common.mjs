// What the tests of the page share: owl3 serve, a way to it that can be made slow or broken, and
// a browser.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const root = path.dirname(path.dirname(path.dirname(fileURLToPath(import.meta.url))));
const [program, screenshots] = process.argv.slice(2);
const kWait = 120_000; // on a machine that does much else

function skip(why) {
  console.log(`skipped: ${why}`);
  process.exit(77);
}

/** A package of package.json, or the test is skipped. */
export async function need(name) {
  if (!fs.existsSync(path.join(root, "node_modules", name))) skip(`npm's ${name} is not there (npm ci)`);
  return name === "esbuild" || name === "typescript" ? null : await import(name);
}

/** owl3 serve, at a port of its own. */
class Server {
  async start(...options) {
    this.process = spawn(program, ["serve", "--port", "0", "--quiet", ...options], { stdio: ["ignore", "pipe", "inherit"] });
    const line = await new Promise((resolve, reject) => {
      let text = "";
      this.process.stdout.on("data", (bytes) => {
        text += bytes;
        if (text.includes("\n")) resolve(text);
      });
      this.process.on("exit", (code) => reject(new Error(`owl3 serve ended with ${code}`)));
    });
    this.port = Number(/:(\d+)\s/.exec(line)[1]);
  }
  async stop() {
    if (!this.process || this.process.exitCode !== null) return;
    const ended = new Promise((resolve) => this.process.on("exit", resolve));
    this.process.kill("SIGKILL");
    await ended;
  }
}

/** Between browser and server: hands on what comes, as slowly as is wanted. */
class Way {
  slow = 0; // milliseconds before each piece of an answer
  busy = 0; // so many questions are told that the queue is full
  questions = 0;
  constructor(server) {
    this.server = server;
    this.listener = http.createServer((request, response) => this.pass(request, response));
  }
  async open() {
    await new Promise((resolve) => this.listener.listen(0, "127.0.0.1", resolve));
    this.address = `http://127.0.0.1:${this.listener.address().port}`;
  }
  pass(request, response) {
    const asks = request.url === "/v1/chat/completions";
    if (asks) this.questions += 1;
    if (asks && this.busy > 0) {
      this.busy -= 1;
      request.resume();
      response.writeHead(503, { "Content-Type": "application/json", "Retry-After": "1" });
      response.end(JSON.stringify({ error: { message: "too many requests wait", code: "overloaded" } }));
      return;
    }
    const { port } = this.server;
    const on = http.request({ port, host: "127.0.0.1", method: request.method, path: request.url, headers: request.headers });
    on.on("error", () => response.destroy());
    response.on("close", () => on.destroy());
    on.on("response", async (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      try {
        for await (const piece of answer) {
          for (const event of asks && this.slow ? piece.toString().split(/(?<=\n\n)/) : [piece]) {
            if (asks && this.slow) await new Promise((resolve) => setTimeout(resolve, this.slow));
            response.write(event);
          }
        }
        response.end();
      } catch {
        response.destroy();
      }
    });
    request.pipe(on);
  }
  close() {
    this.listener.close();
    this.listener.closeAllConnections();
  }
}

export const album = fs
  .readdirSync(path.join(root, "demo/album"))
  .sort()
  .map((name) => path.join(root, "demo/album", name));
export const film = path.join(root, "demo/clip.mp4");

/** Drops files on the page, as from a file manager. {path} or {name, type, bytes} each. */
export async function drop(page, files) {
  const all = files.map((file) => {
    if (typeof file !== "string") return { ...file, data: Buffer.from(file.bytes).toString("base64") };
    const type = file.endsWith(".mp4") ? "video/mp4" : "image/jpeg";
    return { name: path.basename(file), type, data: fs.readFileSync(file).toString("base64") };
  });
  const data = await page.evaluateHandle((some) => {
    const transfer = new DataTransfer();
    for (const { name, type, data } of some) {
      const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
      transfer.items.add(new File([bytes], name, { type }));
    }
    return transfer;
  }, all);
  await page.dispatchEvent("body", "drop", { dataTransfer: data });
}

export async function ready(page) {
  await page.waitForSelector(".tray li");
  await page.waitForFunction(() => !document.querySelector('.tray > li:not([data-state="ready"])'));
}

/** Asks, and waits for the answer's end. */
export async function ask(page, question, state = "done") {
  const before = await page.locator(".turn").count();
  await page.fill("#question", question);
  await page.locator(".send").click();
  const turn = page.locator(".turn").nth(before);
  await page.waitForFunction(
    ([index, wanted]) => document.querySelectorAll(".turn")[index]?.dataset.state === wanted,
    [before, state],
  );
  return turn;
}

export function answerOf(turn) {
  return turn.locator(".answer > .text, .answer > .words").innerText();
}

export async function shoot(page, name) {
  fs.mkdirSync(screenshots, { recursive: true });
  await page.screenshot({ path: path.join(screenshots, `${name}.png`) });
}

/** Firefox is driven by WebDriver BiDi, which has no downloads and no rights to the clipboard. */
export const inFirefox = process.env.PAGE_BROWSER === "firefox";

/**
 * What starts the browser: Debian's Chromium, or Firefox where PAGE_BROWSER is "firefox". Cameras are
 * made up.
 */
function browserToWalkWith({ chromium, firefox }) {
  const first = (...files) => files.find((file) => fs.existsSync(file));
  if (inFirefox) {
    const executablePath = first("/usr/bin/firefox-esr", "/usr/bin/firefox");
    if (!executablePath) skip("there is no Firefox (Debian's package firefox-esr)");
    const firefoxUserPrefs = { "media.navigator.streams.fake": true, "media.navigator.permission.disabled": true, "ui.primaryPointerCapabilities": 6, "ui.allPointerCapabilities": 6 };
    return () => firefox.launch({ channel: "moz-firefox", executablePath, timeout: kWait, firefoxUserPrefs });
  }
  const executablePath = first("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome");
  if (!executablePath) skip("there is no Chromium (Debian's package chromium: scripts/setup.sh --tests)");
  const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
  return () => chromium.launch({ executablePath, timeout: kWait, args });
}

/** Runs tests({browser, server, way, open}) and takes away what was started. */
export async function withPage(tests, ...options) {
  const launch = browserToWalkWith(await need("playwright-core"));
  const server = new Server();
  const way = new Way(server);
  let browser;
  try {
    browser = await launch();
    await server.start(...options);
    await way.open();
    /** A page in a browser profile of its own, or in that of another page. */
    const open = async (settings = {}, beside = undefined) => {
      const context = beside?.context() ?? (await browser.newContext({ viewport: { width: 1280, height: 860 }, ...settings }));
      context.setDefaultTimeout(kWait);
      const page = await context.newPage();
      page.troubles = [];
      page.on("pageerror", (error) => {
        // What the driver itself puts on the page.
        if (!inFirefox || !error.message.startsWith("The page’s settings blocked")) page.troubles.push(error.message);
      });
      page.on("console", (message) => {
        const text = message.text();
        if (message.type() === "error" && !text.startsWith("Failed to load resource")) page.troubles.push(text);
      });
      await page.goto(way.address);
      await page.waitForSelector(".composer");
      return page;
    };
    await tests({ browser, server, way, open });
  } finally {
    await browser?.close();
    way.close();
    await server.stop();
  }
}

/** One thing that holds. */
export async function holds(what, check) {
  const start = Date.now();
  await check();
  console.log(`ok - ${what} (${Date.now() - start} ms)`);
}

export function untroubled(page) {
  assert.deepEqual(page.troubles, []);
}
