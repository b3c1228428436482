// Conversations: stopped, edited, answered again, kept, seen in two tabs, taken along.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { album, answerOf, ask, drop, holds, ready, untroubled, withPage, inFirefox } from "./common.mjs";

await withPage(async ({ way, open }) => {
  const page = await open();
  await drop(page, album.slice(14, 24));
  await ready(page);

  await holds("an answer is stopped", async () => {
    way.slow = 300;
    await page.fill("#question", "Which image shows a drop?");
    await page.keyboard.press("Enter");
    await page.waitForSelector('.turn[data-state="asking"]');
    await page.keyboard.press("Escape");
    await page.waitForSelector('.turn[data-state="stopped"]');
    way.slow = 0;
  });
  await holds("it is answered again", async () => {
    await page.getByRole("button", { name: "Answer again" }).click();
    await page.waitForSelector('.turn[data-state="done"]');
    assert.match(await answerOf(page.locator(".turn").first()), /\b3\b/);
  });
  await holds("an earlier question is edited, and what came after it can come back", async () => {
    await ask(page, "What is in image 6?");
    await page.getByRole("button", { name: /^Edit the question/ }).first().click();
    await page.fill("#question", "Which image shows a bear?");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelectorAll(".turn").length === 1);
    await page.waitForSelector('.turn[data-state="done"]');
    assert.match(await answerOf(page.locator(".turn").first()), /\b1\b/);
    await page.getByRole("button", { name: "Undo" }).click();
    await page.waitForFunction(() => document.querySelectorAll(".turn").length === 2);
  });
  await holds("all is there after a reload, pictures too, and goes on", async () => {
    await page.fill("#question", "And this, which");
    await page.waitForTimeout(700);
    await page.reload();
    await page.waitForFunction(() => document.querySelectorAll(".turn").length === 2);
    assert.equal(await page.inputValue("#question"), "And this, which");
    await page.waitForFunction(() => document.querySelectorAll(".mosaic img").length === 10);
    const turn = await ask(page, "What is in image 6?");
    assert.match(await turn.locator(".cost").innerText(), /^0 images encoded/);
  });
  await holds("two tabs see one conversation", async () => {
    const other = await open({}, page);
    await other.locator(".list .open").first().click();
    await other.waitForFunction(() => document.querySelectorAll(".turn").length === 3);
    await ask(page, "Which image shows a drop?");
    await other.waitForFunction(() => document.querySelectorAll('.turn[data-state="done"]').length === 4);
    untroubled(other);
    await other.close();
  });
  await holds("several conversations stand in a list; one that is deleted can come back", async () => {
    await page.keyboard.press("Alt+n");
    await ask(page, "Who are you?");
    await page.waitForFunction(() => document.querySelectorAll(".list li").length === 2);
    await page.keyboard.press("Alt+ArrowDown");
    await page.waitForFunction(() => document.querySelectorAll(".turn").length === 4);
    await page.locator(".list li").nth(1).hover();
    await page.locator(".list li").nth(1).getByRole("button", { name: /^Delete/ }).click();
    await page.waitForFunction(() => document.querySelectorAll(".list li").length === 1);
    await page.getByRole("button", { name: "Undo" }).last().click();
    await page.waitForFunction(() => document.querySelectorAll(".turn").length === 4);
  });
  await holds("owl3 chat --load goes on with what is downloaded", async () => {
    if (inFirefox) return;
    const waits = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download this conversation" }).click();
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "owl3-page-"));
    try {
      const file = path.join(folder, "talk.json");
      await (await waits).saveAs(file);
      for (const picture of album.slice(14, 24)) fs.copyFileSync(picture, path.join(folder, path.basename(picture)));
      const said = execFileSync(process.argv[2], ["chat", "--load", file, "--greedy", "-p", "Which image shows a drop?"], { encoding: "utf8" });
      assert.match(said, /\b3\b/);
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
  await holds("settings are the official ones by name, and one's own", async () => {
    await page.getByRole("button", { name: "Settings" }).click();
    await page.getByLabel("Preset").selectOption("sample");
    assert.equal(await page.getByLabel("Top-k").inputValue(), "100");
    await page.getByLabel("Longest answer").fill("2");
    assert.equal(await page.getByLabel("Preset").inputValue(), "own");
    await page.getByLabel("Who the model is to be").fill("Be brief.");
    await page.keyboard.press("Escape");
    const turn = await ask(page, "What is in image 6?");
    assert.match(await turn.locator(".status").innerText(), /was cut/);
    await turn.getByRole("button", { name: "The request as code" }).click();
    const code = page.locator("pre");
    assert.match(await code.innerText(), /"max_tokens": 2[\s\S]*|"content": "Be brief\."/);
    await page.getByRole("tab", { name: "Python" }).click();
    assert.match(await code.innerText(), /from openai import OpenAI/);
    await page.keyboard.press("ArrowRight");
    assert.match(await code.innerText(), /new OpenAI\(/);
    await page.keyboard.press("Escape");
  });
  untroubled(page);
});
