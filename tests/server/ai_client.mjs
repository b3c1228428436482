// The npm package ai with its OpenAI-compatible provider against a server: ADDRESS, IMAGE FILE.
// Writes what it got as one JSON object.
import fs from "node:fs";
import { generateText, streamText } from "ai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";

const [address, file] = process.argv.slice(2);
const provider = createOpenAICompatible({
  name: "owl3",
  baseURL: address + "/v1",
  apiKey: "secret",
  includeUsage: true,
});
const question = {
  model: provider("owlet"),
  system: "Be brief.",
  messages: [
    {
      role: "user",
      content: [
        { type: "image", image: fs.readFileSync(file), mediaType: "image/jpeg" },
        { type: "text", text: "What is this?" },
      ],
    },
  ],
  seed: 5,
  temperature: 0.7,
  maxOutputTokens: 24,
  maxRetries: 0,
};

async function failure(promise) {
  try {
    await promise;
    return null;
  } catch (error) {
    return { name: error.name, status: error.statusCode, message: error.message };
  }
}

const result = {};
const whole = await generateText(question);
result.whole = { text: whole.text, reason: whole.finishReason, usage: whole.usage };

const stream = streamText(question);
result.text = "";
for await (const piece of stream.textStream) result.text += piece;
result.reason = await stream.finishReason;
result.usage = await stream.usage;

const text = await generateText({
  model: provider.completionModel("owlet"),
  prompt: "The picture shows",
  maxOutputTokens: 8,
  seed: 5,
  maxRetries: 0,
});
result.completion = { text: text.text, usage: text.usage };

result.further = (
  await generateText({
    ...question,
    messages: [
      ...question.messages,
      { role: "assistant", content: whole.text },
      { role: "user", content: "And what else?" },
    ],
  })
).usage;
result.unknown = await failure(generateText({ ...question, model: provider("gpt-4o") }));
const controller = new AbortController();
const long = streamText({ ...question, abortSignal: controller.signal, onError: () => {} });
for await (const piece of long.textStream) {
  if (piece) controller.abort();
}
process.stdout.write(JSON.stringify(result));
