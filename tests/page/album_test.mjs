// The whole way: forty pictures are dropped, asked about, and the answer leads to its picture.
import assert from "node:assert/strict";
import { album, answerOf, ask, drop, film, holds, ready, shoot, untroubled, withPage } from "./common.mjs";

const mushroom = "35.jpg";

await withPage(async ({ open }) => {
  const page = await open();
  await holds("a page that says what to do", async () => {
    await page.getByRole("heading", { name: "Ask your pictures." }).waitFor();
    await shoot(page, "welcome");
  });
  await holds("forty pictures are there at once, and looked at soon", async () => {
    await drop(page, album);
    await page.waitForFunction(() => document.querySelectorAll(".tray img").length === 40);
    await ready(page);
    assert.match(await page.locator(".traybox .sum").innerText(), /40 images ready/);
    await shoot(page, "album");
  });
  await holds("the ground behind the mushroom is purple", async () => {
    const turn = await ask(page, "What colour is the ground behind the mushroom?");
    assert.match(await answerOf(turn), /purple/);
    assert.match(await turn.locator(".cost").innerText(), /^40 images encoded/);
  });
  await holds("what it was read from leads to the mushroom", async () => {
    const leading = page.locator(".turn .strip .card").first();
    assert.equal(await leading.getAttribute("title"), mushroom);
    await shoot(page, "evidence");
    await leading.click();
    await page.waitForSelector("dialog .stage canvas.heat:not([hidden])");
    assert.ok((await page.locator("dialog .caption").innerText()).includes(`· ${mushroom} ·`));
    await page.getByLabel("Heat").fill("20");
    assert.equal(await page.locator("dialog canvas.heat").evaluate((canvas) => canvas.style.opacity), "0.2");
    await shoot(page, "heat");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "What does this mean?" }).click();
    await page.getByText(/shows where it looked, not why/).waitFor();
  });
  await holds("a word knows what it was read from", async () => {
    await page.locator(".word", { hasText: "purple" }).hover();
    await page.getByRole("heading", { name: /^“purple.*” was read from/ }).waitFor();
    assert.equal(await page.locator(".strip .card").first().getAttribute("title"), mushroom);
    await page.locator("#question").hover();
    await page.getByRole("heading", { name: "Read from", exact: true }).waitFor();
  });
  await holds("a follow-up encodes nothing", async () => {
    const turn = await ask(page, "And behind the rose?");
    assert.match(await answerOf(turn), /brown/);
    assert.match(await turn.locator(".cost").innerText(), /^0 images encoded/);
  });
  await holds("pictures go where they are dragged, and where keys send them", async () => {
    await page.getByRole("button", { name: /^New conversation/ }).click();
    await drop(page, album.slice(0, 4));
    await ready(page);
    const names = () => page.locator(".tray .item").evaluateAll((items) => items.map((item) => /\d\d\.jpg/.exec(item.title)[0]));
    const places = await Promise.all([0, 2].map((i) => page.locator(".tray .item").nth(i).boundingBox()));
    const [from, to] = places.map(({ x, y, width, height }) => ({ x: x + width / 2, y: y + height / 2 }));
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(from.x + 20, from.y, { steps: 3 });
    await page.mouse.move(to.x, to.y, { steps: 5 });
    await page.mouse.up();
    assert.deepEqual(await names(), ["02.jpg", "03.jpg", "01.jpg", "04.jpg"]);
    await page.locator(".tray .item").nth(2).focus();
    await page.keyboard.press("Alt+ArrowRight");
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("Delete");
    assert.deepEqual(await names(), ["02.jpg", "03.jpg", "01.jpg"]);
  });
  await holds("a film shows the frames that are looked at", async () => {
    await page.getByRole("button", { name: /^New conversation/ }).click();
    await drop(page, [film]);
    await ready(page);
    const frames = page.locator(".tray .frames li");
    const before = await frames.count();
    assert.ok(before > 1);
    await page.locator(".tray > li").hover();
    await page.getByRole("button", { name: "How this film is looked at" }).click();
    await page.getByLabel("Frames a second").fill("2");
    await page.getByRole("button", { name: "Look again" }).click();
    await page.waitForFunction((count) => document.querySelectorAll(".tray .frames li").length > count, before);
    await ready(page);
    await page.waitForFunction(() => document.querySelectorAll(".tray .frames img").length === document.querySelectorAll(".tray .frames li").length);
    await shoot(page, "film");
    const turn = await ask(page, "What colour is the ground?");
    assert.match(await answerOf(turn), /yellow/);
    assert.match(await turn.locator(".scale").innerText(), /^0:00/);
    const line = await turn.locator("canvas.line").boundingBox();
    await page.mouse.click(line.x + line.width - 4, line.y + line.height / 2);
    await page.locator("dialog .caption", { hasText: /clip\.mp4, at 0:0/ }).waitFor();
    await page.waitForFunction(() => document.querySelector("dialog canvas.picture").width > 0 && !document.querySelector("dialog canvas.picture").hidden);
    await shoot(page, "film-frame");
    await page.keyboard.press("Escape");
  });
  untroubled(page);
});
