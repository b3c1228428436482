// The npm package openai against what is not chat completions, and what these tell beside the text:
// ADDRESS, IMAGE FILE. Writes what it got as one JSON object.
import fs from "node:fs";
import OpenAI from "openai";

const [address, file] = process.argv.slice(2);
const client = new OpenAI({ baseURL: address + "/v1", apiKey: "secret", maxRetries: 0 });
const image_url = "data:image/jpeg;base64," + fs.readFileSync(file).toString("base64");
const input = [
  {
    role: "user",
    content: [
      { type: "input_image", image_url, detail: "auto" },
      { type: "input_text", text: "What is this?" },
    ],
  },
];
const asked = { model: "owlet", instructions: "Be brief.", input, max_output_tokens: 24 };

const result = {};
result.chat = await client.chat.completions.create({
  model: "owlet",
  messages: [
    { role: "system", content: "Be brief." },
    {
      role: "user",
      content: [
        { type: "image_url", image_url: { url: image_url } },
        { type: "text", text: "What is this?" },
      ],
    },
  ],
  max_completion_tokens: 24,
  temperature: 0,
  logprobs: true,
  top_logprobs: 2,
  presence_penalty: 0.5,
  frequency_penalty: 0.5,
});
result.response = await client.responses.create({
  ...asked,
  temperature: 0,
  presence_penalty: 0.5,
  frequency_penalty: 0.5,
});
result.output_text = result.response.output_text;

const stream = client.responses.stream({ ...asked, temperature: 0 });
result.events = [];
for await (const event of stream) result.events.push(event.type);
const final = await stream.finalResponse();
result.streamed = final.output_text;
result.plain = (await client.responses.create({ ...asked, temperature: 0 })).output_text;

result.text = await client.completions.create({
  model: "owlet",
  prompt: ["One", "Two"],
  max_tokens: 8,
  temperature: 0,
  logprobs: 1,
});
result.texts = ["", ""];
const texts = await client.completions.create({
  model: "owlet",
  prompt: ["One", "Two"],
  max_tokens: 8,
  temperature: 0,
  stream: true,
});
for await (const chunk of texts) {
  for (const choice of chunk.choices) result.texts[choice.index] += choice.text;
}
try {
  await client.responses.create({ ...asked, previous_response_id: "resp_1" });
} catch (error) {
  result.refused = { name: error.constructor.name, param: error.param };
}
process.stdout.write(JSON.stringify(result));
