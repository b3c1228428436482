// Answers with a form: chosen, checked while it is typed, kept to, shown, taken along.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { album, answerOf, ask, drop, holds, ready, shoot, untroubled, withPage, inFirefox } from "./common.mjs";

const schema = {
  type: "object",
  properties: { colour: { enum: ["red", "brown", "purple"] }, sure: { type: "boolean" } },
  required: ["colour", "sure"],
  additionalProperties: false,
};
const hostile = '<img src=x onerror="document.title=`owned`">';

async function settings(page, how) {
  await page.getByRole("button", { name: "Settings", exact: true }).click();
  await how();
  await page.keyboard.press("Escape");
}

/** Writes a schema and waits for what is said to it. */
async function write(page, text, verdict) {
  await page.getByLabel("Form of answers").selectOption("schema");
  await page.getByLabel("JSON Schema", { exact: true }).fill(text);
  await page.getByText(verdict).waitFor();
}

function isAsked({ colour, sure, ...others }) {
  assert.ok(schema.properties.colour.enum.includes(colour), colour);
  assert.equal(typeof sure, "boolean");
  assert.deepEqual(others, {});
}

await withPage(async ({ way, open }) => {
  const page = await open();
  if (!inFirefox) await page.context().grantPermissions(["clipboard-read", "clipboard-write"], { origin: way.address });
  await drop(page, album.slice(30, 38));
  await ready(page);

  await holds("a schema is checked while it is typed, as JSON and by the server", () =>
    settings(page, async () => {
      const field = page.getByLabel("JSON Schema", { exact: true });
      assert.equal(await field.isVisible(), false);
      await write(page, '{"type": "object",\n "properties" {}}', "This is not JSON yet: look at line 2, column 15.");
      await write(page, '{"type": "object",\n "properties"', "This is not JSON yet: it isn’t finished.");
      assert.equal(await field.getAttribute("aria-invalid"), "true");
      await write(page, "[]", "A schema is an object");
      await write(page, '{"const": 12345678901234567890}', "can’t pass on 12345678901234567890");
      await write(page, '{"type": "array", "uniqueItems": true}', /^Answers can’t be held to it: the schema's keyword "uniqueItems" is not supported$/);
      await shoot(page, "schema-refused");
      await write(page, JSON.stringify(schema, null, 2), "Answers can be held to it.");
      assert.equal(await field.getAttribute("aria-invalid"), "false");
    }));
  await holds("an answer is held to it, and shown as JSON whose values know what they were read from", async () => {
    await page.getByText("Answers follow your JSON Schema.").waitFor();
    const turn = await ask(page, "What colour is the ground behind the mushroom?");
    const text = await answerOf(turn);
    assert.match(text, /^\{\n {2}"/);
    isAsked(JSON.parse(text));
    await turn.locator(".word").first().hover();
    await turn.getByRole("heading", { name: /^“[a-z]+” was read from$/ }).waitFor();
    await shoot(page, "schema-answer");
    await turn.getByRole("button", { name: "Copy the answer" }).click();
    await page.getByText("Copied.").waitFor();
    if (!inFirefox) assert.equal(await page.evaluate(() => navigator.clipboard.readText()), text);
  });
  await holds("the request as code asks for it, too", async () => {
    await page.getByRole("button", { name: "The request as code" }).click();
    const code = page.locator("dialog pre");
    const [, body] = /-d '([^]*)'$/.exec(await code.innerText());
    const reply = await fetch(`${way.address}/v1/chat/completions`, { method: "POST", body: body.replaceAll("'\\''", "'") });
    isAsked(JSON.parse((await reply.json()).choices[0].message.content));
    await page.getByRole("tab", { name: "Python" }).click();
    assert.match(await code.innerText(), /\n {4}response_format=\{\n {8}"type": "json_schema",/);
    await page.getByRole("tab", { name: "JavaScript" }).click();
    assert.match(await code.innerText(), /"response_format": \{\s+"type": "json_schema"/);
    await page.keyboard.press("Escape");
  });
  await holds("it is there after a reload, for this conversation alone", async () => {
    await page.waitForTimeout(700);
    await page.reload();
    await page.getByText("Answers follow your JSON Schema.").waitFor();
    isAsked(JSON.parse(await answerOf(page.locator(".turn"))));
    await settings(page, async () => {
      assert.deepEqual(JSON.parse(await page.getByLabel("JSON Schema", { exact: true }).inputValue()), schema);
    });
    await page.keyboard.press("Alt+n");
    assert.equal(await page.getByText("Answers follow your JSON Schema.").isVisible(), false);
    await page.keyboard.press("Alt+ArrowDown");
    await page.getByText("Answers follow your JSON Schema.").waitFor();
  });
  await holds("owl3 chat --load goes on in the form of what is downloaded", async () => {
    if (inFirefox) return;
    const waits = page.waitForEvent("download");
    await page.getByRole("button", { name: "Download this conversation" }).click();
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "owl3-page-"));
    try {
      const file = path.join(folder, "talk.json");
      await (await waits).saveAs(file);
      assert.deepEqual(JSON.parse(fs.readFileSync(file, "utf8")).generation.form, { schema });
      for (const picture of album.slice(30, 38)) fs.copyFileSync(picture, path.join(folder, path.basename(picture)));
      const said = execFileSync(process.argv[2], ["chat", "--load", file, "--greedy", "-p", "And behind the rose?"], { encoding: "utf8" });
      isAsked(JSON.parse(said));
    } finally {
      fs.rmSync(folder, { recursive: true });
    }
  });
  await holds("with a schema that is not finished nothing is asked: it is shown", async () => {
    await settings(page, () => write(page, '{"type": ', /^This is not JSON yet/));
    const asked = way.questions;
    await page.fill("#question", "And behind the flamingo?");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.activeElement.matches("dialog[open] .source"));
    await page.keyboard.press("Escape");
    assert.equal(way.questions, asked);
    assert.equal(await page.inputValue("#question"), "And behind the flamingo?");
    assert.equal(await page.locator(".turn").count(), 1);
  });
  await holds("what the server refuses is told as the reason", async () => {
    await settings(page, () => write(page, '{"enum": []}', /^Answers can’t be held to it/));
    const turn = await ask(page, "And behind the flamingo?", "failed");
    assert.match(await turn.locator(".status").innerText(), /^No answer: .*schema/);
  });
  await holds("an answer that is JSON is never markup", async () => {
    await settings(page, () => write(page, JSON.stringify({ type: "object", properties: { x: { const: hostile } }, required: ["x"], additionalProperties: false }), "Answers can be held to it."));
    await page.getByRole("button", { name: "Answer again" }).last().click();
    const turn = page.locator(".turn").last();
    await page.waitForFunction(() => [...document.querySelectorAll(".turn")].at(-1).dataset.state === "done");
    assert.deepEqual(JSON.parse(await answerOf(turn)), { x: hostile });
    assert.equal(await page.locator("img[src=x]").count(), 0);
    assert.doesNotMatch(await page.title(), /owned/);
  });
  await holds("any JSON, and any text again", async () => {
    await settings(page, async () => {
      await page.getByLabel("Form of answers").selectOption("json");
      await page.getByLabel("Longest answer").fill("30");
    });
    await page.getByText("Answers are JSON.").waitFor();
    const turn = await ask(page, "What is in image 2?");
    assert.match(await answerOf(turn), /^[[{]/);
    await settings(page, () => page.getByLabel("Form of answers").selectOption("text"));
    assert.match(await answerOf(await ask(page, "Who are you?")), /^[A-Z]/);
  });
  untroubled(page);
});
