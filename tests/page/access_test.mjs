// For everybody: axe-core finds nothing serious, wide and narrow, light and dark; a keyboard is enough.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { album, ask, drop, holds, need, ready, root, shoot, untroubled, withPage } from "./common.mjs";

await need("axe-core");
const axe = fs.readFileSync(path.join(root, "node_modules/axe-core/axe.min.js"), "utf8");

async function look(page, where) {
  await page.evaluate(`${axe}; undefined`);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = serious.map(({ id, help, nodes }) => `${where}: ${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
  assert.deepEqual(told, []);
}

await withPage(async ({ open }) => {
  for (const [name, settings] of [
    ["wide-dark", { colorScheme: "dark" }],
    ["phone-light", { colorScheme: "light", viewport: { width: 390, height: 844 }, hasTouch: true }],
  ]) {
    await holds(`nothing serious, ${name}`, async () => {
      const page = await open({ ...settings, bypassCSP: true }); // axe comes as text
      await drop(page, album.slice(10, 24));
      await ready(page);
      await look(page, "tray");
      await ask(page, "Which image shows a drop?");
      await page.waitForTimeout(300);
      await shoot(page, `answer-${name}`);
      await look(page, "answer");
      await page.locator(".mosaic .item").first().click();
      await page.waitForSelector("dialog[open]");
      await look(page, "viewer");
      await page.keyboard.press("Escape");
      if (settings.viewport) {
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "it is too wide");
        await page.getByRole("button", { name: "Conversations" }).click();
        await page.waitForTimeout(300);
        await look(page, "menu");
      }
      for (const panel of settings.viewport ? ["Settings", "For builders"] : ["Keys and help"]) {
        await page.getByRole("button", { name: panel, exact: true }).click();
        await look(page, panel);
        await page.keyboard.press("Escape");
      }
      await page.getByRole("button", { name: "Settings", exact: true }).click();
      await page.getByLabel("Form of answers").selectOption("schema");
      await page.getByLabel("JSON Schema", { exact: true }).fill("{");
      await page.getByText(/^This is not JSON yet/).waitFor();
      await look(page, "a schema that is wrong");
      await page.getByLabel("JSON Schema", { exact: true }).fill('{"type": "object", "properties": {"sure": {"type": "boolean"}}, "required": ["sure"], "additionalProperties": false}');
      await page.getByText("Answers can be held to it.").waitFor();
      await look(page, "a schema");
      await shoot(page, `schema-${name}`);
      await page.keyboard.press("Escape");
      if (settings.viewport) await page.keyboard.press("Escape"); // the menu
      await ask(page, "Is there a drop?");
      await look(page, "an answer that is JSON");
      await shoot(page, `json-${name}`);
      untroubled(page);
      await page.context().close();
    });
  }
  await holds("a keyboard is enough", async () => {
    const page = await open();
    assert.equal(await page.evaluate(() => document.activeElement.id), "question");
    await drop(page, album.slice(14, 18));
    await ready(page);
    await page.keyboard.type("What is in image 3?");
    await page.keyboard.press("Enter");
    await page.waitForSelector('.turn[data-state="done"]');
    await page.keyboard.press("Shift+Tab");
    const reached = new Set();
    for (let i = 0; i < 40; ++i) {
      reached.add(await page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent));
      await page.keyboard.press("Shift+Tab");
    }
    for (const name of ["Answer again", "Copy the answer", "Download this conversation", "Settings", "Image 1, 15.jpg"]) {
      assert.ok(reached.has(name), `${name} is not reached: ${[...reached].join(", ")}`);
    }
    await page.context().close();
  });
});
