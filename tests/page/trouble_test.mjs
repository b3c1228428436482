// What goes wrong: a server that is gone, or full, or wants a key; names and answers that mean harm.
import assert from "node:assert/strict";
import fs from "node:fs";
import { album, answerOf, ask, drop, film, holds, ready, shoot, untroubled, withPage } from "./common.mjs";

const hostile = '<img src=x onerror="document.title=`owned`"><script>document.title="owned"</script>.jpg';

await withPage(async ({ server, way, open }) => {
  const page = await open();
  await holds("names and texts are never markup", async () => {
    await drop(page, [{ name: hostile, type: "image/jpeg", bytes: fs.readFileSync(album[16]) }]);
    await ready(page);
    await page.locator(".tray .item").click();
    await page.waitForSelector("dialog[open]");
    assert.ok((await page.locator("dialog .caption").innerText()).includes(hostile));
    await page.keyboard.press("Escape");
    await ask(page, 'What is this? <b onclick="alert(1)">bold</b> <script>alert(1)</script>');
    await page.getByRole("button", { name: "The request as code" }).click();
    await page.keyboard.press("Escape");
    assert.equal(await page.locator(".talk b[onclick], .talk script, img[src=x]").count(), 0);
    assert.doesNotMatch(await page.title(), /owned/);
    // What the model says, too.
    await page.route("**/v1/chat/completions", (route) => {
      const delta = { content: `<img src=x onerror="document.title='owned'"> **${hostile}**` };
      const event = JSON.stringify({ choices: [{ index: 0, delta, finish_reason: "stop" }] });
      return route.fulfill({ contentType: "text/event-stream", body: `data: ${event}\n\ndata: [DONE]\n\n` });
    });
    const turn = await ask(page, "And?");
    assert.ok((await answerOf(turn)).includes("<img src=x"));
    await page.unroute("**/v1/chat/completions");
    assert.equal(await page.locator("img[src=x]").count(), 0);
    assert.doesNotMatch(await page.title(), /^owned/);
    await shoot(page, "hostile");
  });
  await holds("a script that gets in does not run", async () => {
    const outcome = await page.evaluate(() => {
      try {
        document.body.insertAdjacentHTML("beforeend", "<i>in</i>");
        return "markup";
      } catch (error) {
        return error.constructor.name;
      }
    });
    assert.equal(outcome, "TypeError");
    page.troubles.length = 0; // the browser tells of it
  });
  await holds("what is neither picture nor film, or broken, is told", async () => {
    await page.getByRole("button", { name: /^New conversation/ }).click();
    await drop(page, [{ name: "notes.txt", type: "text/plain", bytes: "hello" }]);
    await page.getByText("notes.txt is neither a picture nor a film.").waitFor();
    await drop(page, [{ name: "half.jpg", type: "image/jpeg", bytes: fs.readFileSync(album[0]).subarray(0, 300) }]);
    await page.waitForSelector('.tray > li[data-state="failed"]');
    assert.match(await page.locator(".traybox .sum").innerText(), /^half\.jpg can't be used: /);
    await page.getByRole("button", { name: "Remove all" }).click();
    await page.getByRole("heading", { name: "Ask your pictures." }).waitFor();
  });
  await holds("a full queue is waited for", async () => {
    way.busy = 1;
    await page.fill("#question", "Who are you?");
    await page.keyboard.press("Enter");
    await page.getByText(/Many are asking at once/).waitFor();
    await page.waitForSelector('.turn[data-state="done"]');
  });
  await holds("a server that ends is missed, waited for, and told again what it had known", async () => {
    await page.getByRole("button", { name: /^New conversation/ }).click();
    await drop(page, [...album.slice(14, 20), film]);
    await ready(page);
    await ask(page, "What is in image 3?");
    await server.stop();
    await page.fill("#question", "Which image shows a drop?");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").filter({ hasText: "The server does not answer" }).waitFor();
    await shoot(page, "server-gone");
    await server.start();
    await page.getByText("The server is back.").waitFor();
    await page.waitForFunction(() => document.querySelectorAll('.turn[data-state="done"]').length === 2);
    assert.match(await answerOf(page.locator(".turn").last()), /\b3\b/);
  });
  await holds("a key is asked for, and kept", async () => {
    await server.stop();
    await server.start("--api-key", "secret");
    const stranger = await open();
    await stranger.getByLabel("Key", { exact: true }).fill("secret");
    await stranger.getByRole("button", { name: "Use this key" }).click();
    await ask(stranger, "Who are you?");
    await stranger.reload();
    await ask(stranger, "Who are you?");
    untroubled(stranger);
  });
  await holds("pages of others are not served", async () => {
    const reply = await fetch(`${way.address}/v1/chat/completions`, { method: "POST", body: "{}", headers: { Origin: "https://evil.example" } });
    assert.equal(reply.status, 403);
  });
  untroubled(page);
});
