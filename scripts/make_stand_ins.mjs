#!/usr/bin/env node
// Writes small stand-ins for the benchmarks about pictures that `owl3 eval bench` asks, each in the
// form its authors publish: questions with true answers about pictures that `owl3 make-data` draws.
// What their numbers mean, and which of them owlet can answer: docs/evaluation.md.
//
//   scripts/make_stand_ins.mjs OUT [ROWS] [OWL3]
//
// OUT must be new; nothing is left of it where it can't be made. ROWS: of each set (8). OWL3: the
// program (build/release/owl3 of this repository).
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { fileURLToPath } from "node:url";

const built = fileURLToPath(new URL("../build/release/owl3", import.meta.url));
const [out, rowsText = "8", program = built] = process.argv.slice(2);
const rows = Number(rowsText);
if (!out || !Number.isInteger(rows) || rows < 1 || rows > 1000) {
  console.error("usage: scripts/make_stand_ins.mjs OUT [ROWS] [OWL3]");
  process.exit(2);
}
if (fs.existsSync(out)) {
  console.error(`${out}: is there already`);
  process.exit(1);
}

// What goes wrong is told in one line.
let made;  // the first folder that was made for OUT
process.on("uncaughtException", (error) => {
  console.error(`${out}: ${error.message.trim().split("\n").at(-1)}`);
  process.exit(1);
});
process.on("exit", (code) => {
  if (code !== 0 && made) fs.rmSync(made, { recursive: true, force: true });
});

// Drawn pictures, and conversations about them.
const drawn = path.join(out, "drawn");
made = fs.mkdirSync(out, { recursive: true });
const pool = 30 * rows + 100;  // words to read are on a tenth of them
run([
  "make-data", drawn, "--kind", `single=${4 * pool},distractors=${2 * pool}`, "--split", "test",
  "--seed", "7", "--pictures", String(pool), "--loose", "--max-images", "3", "--numbering", "after",
]);
const lines = (name) =>
  fs.readFileSync(path.join(drawn, name), "utf8").trimEnd().split("\n").map((line) => JSON.parse(line));

/// What is first asked of one picture: {picture, question, sentence, answer, task}.
const asked = lines("single.jsonl").map((row) => ({
  picture: path.join(drawn, row.images[0]),
  question: row.messages[0].content.replace("<image>\n", ""),
  sentence: row.messages[1].content,
  answer: row.answers[0],
  task: row.tasks[0],
}));
/// Questions of that kind, about other pictures each.
function questions(task, count = rows, fits = () => true) {
  const seen = new Set();
  const found = asked.filter((one) =>
    one.task === task && fits(one) && !seen.has(one.picture) && seen.add(one.picture)).slice(0, count);
  if (found.length < count) throw new Error(`too few questions about ${task}: ${found.length}`);
  return found;
}
const names = questions("name", 4 * rows, (one) => !one.answer.includes(","));
const yesOrNo = questions("exists").map((one) => ({ ...one, answer: one.answer.replace("so ", "") }));

// Files.
function write(name, content) {
  const file = path.join(out, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
}
const jsonLines = (list) => list.map((row) => JSON.stringify(row) + "\n").join("");
function picture(name, source) {
  const file = path.join(out, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.copyFileSync(source, file);
}
const coco = (part, id) => `COCO_${part}_${String(id).padStart(12, "0")}.jpg`;

function run(words) {
  const ended = spawnSync(program, words, { stdio: ["ignore", "ignore", "pipe"], encoding: "utf8" });
  if (ended.error) {
    throw new Error(`${program} can't be run (${ended.error.code}): build it, or give its path as OWL3`);
  }
  if (ended.status !== 0) {
    throw new Error(ended.stderr.trim() || `${program} ${words[0]} ended with ${ended.status ?? ended.signal}`);
  }
  process.stderr.write(ended.stderr);
}

/// Three other things than the right one, and where the right one stands among the four.
function options(right, k) {
  const others = [...new Set(names.map((one) => one.answer))].filter((name) => name !== right);
  const list = [0, 1, 2].map((i) => others[(3 * k + i) % others.length]);
  const place = k % 4;
  list.splice(place, 0, right);
  return { list, place };
}

function vqav2() {
  const list = names.slice(0, rows);
  list.forEach((one, i) => picture(`vqav2_test/test2015/${coco("test2015", i + 1)}`, one.picture));
  write("vqav2_test/v2_OpenEnded_mscoco_test2015_questions.json", {
    questions: list.map((one, i) => ({ image_id: i + 1, question: one.question, question_id: 10 + i })),
  });
}

/// Ten annotators, of whom two call it something else.
const annotators = (answer) => [...Array(8).fill(answer), "thing", "picture"];

function okvqa() {
  const list = names.slice(0, rows);
  list.forEach((one, i) => picture(`okvqa_val/val2014/${coco("val2014", i + 1)}`, one.picture));
  write("okvqa_val/OpenEnded_mscoco_val2014_questions.json", {
    questions: list.map((one, i) => ({ image_id: i + 1, question: one.question, question_id: 10 + i })),
  });
  write("okvqa_val/mscoco_val2014_annotations.json", {
    annotations: list.map((one, i) => ({
      question_id: 10 + i, image_id: i + 1, question_type: "one", answer_type: "other",
      answers: annotators(one.answer).map((answer, k) => ({ answer, answer_id: k + 1 })),
    })),
  });
}

function textvqa() {
  const list = questions("read");
  list.forEach((one, i) => picture(`textvqa_val_ocr_v2/train_images/t${i}.jpg`, one.picture));
  write("textvqa_val_ocr_v2/TextVQA_0.5.1_val.json", {
    data: list.map((one, i) => ({
      question_id: 100 + i, image_id: `t${i}`, question: one.question, answers: annotators(one.answer),
    })),
  });
}

function vizwiz() {
  const list = questions("ground");
  list.forEach((one, i) => picture(`vizwiz_test/test/VizWiz_test_${i}.jpg`, one.picture));
  write("vizwiz_test/test.json",
    list.map((one, i) => ({ image: `VizWiz_test_${i}.jpg`, question: one.question })));
}

function gqa() {
  const list = names.slice(0, rows);
  list.forEach((one, i) => picture(`gqa_testdev/images/n${i}.jpg`, one.picture));
  write("gqa_testdev/testdev_balanced_questions.json", Object.fromEntries(list.map((one, i) =>
    [String(1000 + i), { imageId: `n${i}`, question: one.question, answer: one.answer }])));
}

function pope(part) {
  yesOrNo.forEach((one, i) =>
    picture(`pope_${part}/val2014/${coco("val2014", i + 1)}`, one.picture));
  write(`pope_${part}/coco_pope_${part}.json`, jsonLines(yesOrNo.map((one, i) => ({
    question_id: i + 1, image: coco("val2014", i + 1), text: one.question, label: one.answer,
  }))));
}

/// Each question once for every rotation of its options, as the sets for circular evaluation are.
function mmbench(name, hasAnswers) {
  const columns = ["index", "question", "hint", "A", "B", "C", "D", "category", "l2-category", "image"];
  if (hasAnswers) columns.push("answer");
  const table = [columns];
  names.slice(0, Math.ceil(rows / 4)).forEach((one, i) => {
    const { list, place } = options(one.answer, i);
    for (let turn = 0; turn < 4; ++turn) {
      const turned = list.map((_, k) => list[(k + turn) % 4]);
      const row = [i + 1 + 1000000 * turn, one.question, "", ...turned, "naming", "perception",
        turn === 0 ? fs.readFileSync(one.picture).toString("base64") : i + 1];
      if (hasAnswers) row.push("ABCD"[(place - turn + 4) % 4]);
      table.push(row);
    }
  });
  write(`${name}/${name}.tsv`, table.map((row) => row.join("\t") + "\n").join(""));
}

function mmvet() {
  const list = names.slice(0, rows);
  list.forEach((one, i) => picture(`mmvet/images/v1_${i}.png`, one.picture));
  write("mmvet/mm-vet.json", Object.fromEntries(list.map((one, i) =>
    [`v1_${i}`, { imagename: `v1_${i}.png`, question: one.question, answer: one.sentence, capability: ["rec"] }])));
}

function ai2d() {
  const list = names.slice(0, rows);
  list.forEach((one, i) => picture(`ai2d/${i}.png`, one.picture));
  write("ai2d/ai2d.jsonl", jsonLines(list.map((one, i) => {
    const { list: four, place } = options(one.answer, i);
    return { question: one.question, options: four, answer: String(place), image: `${i}.png` };
  })));
}

/// "an owl" of "The image shows an owl." and "This is an owl."
const shown = (one) => one.sentence.replace(/^.*?(shows|is) /, "").replace(/\.$/, "");

/// What holds of two pictures, or does not.
function nlvr2() {
  const list = [];
  for (let i = 0; i < rows; ++i) {
    const [left, right] = [names[2 * i], names[2 * i + 1]];
    const holds = i % 2 === 0 || left.answer === right.answer;
    picture(`nlvr2/l${i}.png`, left.picture);
    picture(`nlvr2/r${i}.png`, right.picture);
    list.push({
      left_image: `l${i}.png`, right_image: `r${i}.png`,
      question: `The left image shows ${shown(left)} and the right image shows ${shown(holds ? right : left)}.`,
      answer: holds ? "True" : "False",
    });
  }
  write("nlvr2/nlvr2.jsonl", jsonLines(list));
}

function qBench2() {
  const list = [];
  for (let i = 0; i < rows; ++i) {
    const [first, second] = [names[2 * i], names[2 * i + 1]];
    picture(`q_bench2/${i}a.png`, first.picture);
    picture(`q_bench2/${i}b.png`, second.picture);
    const { list: four, place } = options(second.answer, i);
    list.push({
      image1: `${i}a.png`, image2: `${i}b.png`, question: "What is in image 2?",
      option0: four[0], option1: four[1], option2: four[2], option3: four[3],
      correct_choice: "ABCD"[place], question_concern: 0, question_type: 2,
    });
  }
  write("q_bench2/q_bench2.jsonl", jsonLines(list));
}

/// Rows of make-data's "distractors" with several pictures: the question about one of them.
const several = lines("distractors.jsonl").filter((row) => row.images.length > 1)
  .filter((row, i, all) => i === 0 || all[i - 1].group !== row.group);

function llavaRow(name, id, dataset, row) {
  const images = row.images.map((image, k) => {
    const file = `${id}_${k}.png`;
    picture(`${name}/eval_images_fix/${file}`, path.join(drawn, image));
    return file;
  });
  return {
    sample_id: id, image: images, metadata: { dataset, question_type: "open-ended" },
    conversations: [{ from: "human", value: row.messages[0].content },
      { from: "gpt", value: row.messages[1].content }],
  };
}

function llava(name, file, datasets) {
  if (several.length < rows) throw new Error("too few rows about several pictures");
  const list = several.slice(0, rows).map((row, i) =>
    llavaRow(name, `${name}_${i}`, datasets[i % datasets.length], row));
  // One of several options, by its letter.
  names.slice(0, rows).forEach((one, i) => {
    const id = `${name}_choice_${i}`;
    const { list: four, place } = options(one.answer, i);
    picture(`${name}/eval_images_fix/${id}.png`, one.picture);
    list.push({
      sample_id: id, image: [`${id}.png`],
      metadata: { dataset: name === "out_domain" ? "Mantis" : "QBench", question_type: "multi-choice" },
      conversations: [{ from: "human", value: `<image>\n${one.question}\n` +
        four.map((option, k) => `${"ABCD"[k]}. ${option}`).join("\n") },
        { from: "gpt", value: "ABCD"[place] }],
    });
  });
  write(`${name}/${file}`, list);
}

function miBench() {
  for (const part of ["multi_image_instruction", "multimodal_knowledge_seeking"]) {
    write(`mi_bench/${part}.json`, several.filter((row) => row.options.includes(row.answers[0]))
      .slice(0, Math.ceil(rows / 4)).map((row, i) => {
      const images = row.images.map((image, k) => {
        picture(`mi_bench/${part}/${i}_${k}.png`, path.join(drawn, image));
        return `${part}/${i}_${k}.png`;
      });
      return { id: `${part}_${i}`, task: "naming", question: row.messages[0].content,
        options: row.options, answer: row.answers[0], image: images };
    }));
  }
}

vqav2();
okvqa();
textvqa();
vizwiz();
gqa();
["random", "popular", "adversarial"].forEach(pope);
["en", "cn"].forEach((language) => {
  mmbench(`mmbench_test_${language}_20231003`, false);
  mmbench(`mmbench_dev_${language}_20231003`, true);
});
mmvet();
ai2d();
nlvr2();
qBench2();
llava("out_domain", "multi_image_out_domain.json", ["BLINK", "MathVerse"]);
llava("in_domain", "multi_image_in_domain.json", ["Spot-the-Diff", "DocVQA"]);
miBench();
fs.rmSync(drawn, { recursive: true });
// As owlet was taught to see several pictures: without "Image 1:" before each.
write("owlet.yaml", "- type: LlavaInterleaveBenchTask\n  ds_name: out_domain\n  image_index: false\n" +
  "- type: LlavaInterleaveBenchTask\n  ds_name: in_domain\n  image_index: false\n");
console.log(`${out}: stand-ins of ${rows} rows each`);
