// The npm package ollama against a server: ADDRESS, IMAGE FILE. Writes what it got as one JSON object.
import fs from "node:fs";
import { Ollama } from "ollama";

const [address, file] = process.argv.slice(2);
const client = new Ollama({ host: address });
const image = fs.readFileSync(file).toString("base64");
const options = { seed: 5, temperature: 0.7, num_predict: 24 };
const messages = [
  { role: "system", content: "Be brief." },
  { role: "user", content: "What is this?", images: [image] },
];

async function failure(promise) {
  try {
    await promise;
    return null;
  } catch (error) {
    return { name: error.constructor.name, status: error.status_code, message: error.message };
  }
}

async function text_of(stream, piece) {
  let text = "";
  let last = null;
  for await (const part of stream) {
    text += piece(part);
    last = part;
  }
  return { text, last };
}

const result = {};
result.tags = (await client.list()).models.map((model) => model.name);
result.running = (await client.ps()).models.map((model) => model.name);
result.show = await client.show({ model: "owlet" });
result.version = (await client.version?.())?.version ?? null;
result.chat = await client.chat({ model: "owlet", messages, options });
result.streamed = await text_of(
  await client.chat({ model: "owlet:latest", messages, options, stream: true }),
  (part) => part.message.content,
);
const question = { model: "owlet", system: "Be brief.", prompt: "What is this?", images: [image], options };
result.generate = await client.generate(question);
result.generated = await text_of(
  await client.generate({ ...question, stream: true }),
  (part) => part.response,
);
result.loaded = await client.chat({ model: "owlet", messages: [] });
result.unknown = await failure(client.chat({ model: "llava", messages, options }));
result.tools = await failure(
  client.chat({ model: "owlet", messages, tools: [{ type: "function", function: { name: "x" } }] }),
);

const long = await client.chat({ model: "owlet", messages, stream: true });
long.abort();
process.stdout.write(JSON.stringify(result));
