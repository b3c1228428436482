// The npm package openai against a server: ADDRESS, IMAGE FILE. Writes what it got as one JSON object.
import fs from "node:fs";
import OpenAI from "openai";

const [address, file] = process.argv.slice(2);
const client = new OpenAI({ baseURL: address + "/v1", apiKey: "secret", maxRetries: 0 });
const image = {
  type: "image_url",
  image_url: { url: "data:image/jpeg;base64," + fs.readFileSync(file).toString("base64") },
};
const question = [
  { role: "system", content: "Be brief." },
  { role: "user", content: [image, { type: "text", text: "What is this?" }] },
];
const common = { model: "owlet", seed: 5, temperature: 0.7, max_completion_tokens: 24 };

async function failure(promise) {
  try {
    await promise;
    return null;
  } catch (error) {
    return { name: error.constructor.name, status: error.status, param: error.param, message: error.message };
  }
}

const result = {};
result.models = (await client.models.list()).data.map((model) => model.id);
result.model = (await client.models.retrieve("owlet")).id;
result.whole = await client.chat.completions.create({ ...common, messages: question });

const stream = await client.chat.completions.create({
  ...common,
  messages: question,
  stream: true,
  stream_options: { include_usage: true },
});
result.text = "";
for await (const chunk of stream) {
  result.text += chunk.choices[0]?.delta?.content ?? "";
  result.reason = chunk.choices[0]?.finish_reason ?? result.reason;
  result.usage = chunk.usage ?? result.usage;
}

result.further = await client.chat.completions.create({
  ...common,
  messages: [
    ...question,
    { role: "assistant", content: result.whole.choices[0].message.content },
    { role: "user", content: [image, image, { type: "text", text: "Are these the same?" }] },
  ],
});
result.several = await client.chat.completions.create({ ...common, messages: question, n: 3 });
result.helper = await client.chat.completions
  .stream({ ...common, messages: question })
  .finalChatCompletion();

result.tools = await failure(
  client.chat.completions.create({
    ...common,
    messages: question,
    tools: [{ type: "function", function: { name: "x", parameters: {} } }],
  }),
);
result.unknown = await failure(client.chat.completions.create({ ...common, model: "gpt-4o", messages: question }));
result.stranger = await failure(
  new OpenAI({ baseURL: address + "/v1", apiKey: "wrong", maxRetries: 0 }).models.list(),
);

const controller = new AbortController();
const long = await client.chat.completions.create(
  { ...common, messages: question, stream: true },
  { signal: controller.signal },
);
for await (const chunk of long) {
  if (chunk.id) controller.abort();
}
process.stdout.write(JSON.stringify(result));
