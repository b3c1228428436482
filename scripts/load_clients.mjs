// Clients that ask a server for streams, all at once and again and again: ADDRESS CLIENTS SECONDS
// PROCESS. Each asks one question, has its answer first alone, and compares every further one with
// it. Writes a JSON object; ends with 1 where a request failed or an answer was another one.
// scripts/soak.sh starts it with a server.
import fs from "node:fs";
import http from "node:http";

const [address, clients, seconds, process_id] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: true, maxSockets: Infinity });
const pictures = ["demo/crab.jpg", ...fs.readdirSync("demo/album").slice(0, 7).map((name) => `demo/album/${name}`)]
  .map((file) => "data:image/jpeg;base64," + fs.readFileSync(file).toString("base64"));
const questions = ["What is this?", "What colour is the ground?", "How many are there?", "Is it large or small?"];

function body_of(client) {
  const text = { type: "text", text: questions[client % questions.length] };
  const image = { type: "image_url", image_url: { url: pictures[client % pictures.length] } };
  return JSON.stringify({
    stream: true,
    stream_options: { include_usage: true },
    seed: client,
    temperature: 1,
    max_tokens: 64,
    messages: [{ role: "user", content: client % 4 === 3 ? [text] : [image, text] }],
  });
}

// { text, tokens, first: milliseconds until its first text }
function ask(body) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const answer = { text: "", tokens: 0, first: 0 };
    let ended = false;
    const request = http.request(
      address + "/v1/chat/completions",
      { method: "POST", agent, headers: { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) } },
      (reply) => {
        let rest = "";
        reply.setEncoding("utf8");
        reply.on("data", (piece) => {
          rest += piece;
          const events = rest.split("\n\n");
          rest = events.pop();
          for (const event of events) {
            if (!event.startsWith("data: ")) continue;
            if (event === "data: [DONE]") {
              ended = true;
              continue;
            }
            const json = JSON.parse(event.slice(6));
            if (json.error) return reject(new Error(json.error.message));
            const text = json.choices[0]?.delta?.content ?? "";
            if (text && !answer.first) answer.first = performance.now() - start;
            answer.text += text;
            answer.tokens = json.usage?.completion_tokens ?? answer.tokens;
          }
        });
        reply.on("end", () => (reply.statusCode === 200 && ended ? resolve(answer) : reject(new Error(`status ${reply.statusCode}: ${rest}`))));
        reply.on("error", reject);
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

function resident_bytes() {
  if (!process_id) return 0;
  const pages = fs.readFileSync(`/proc/${process_id}/statm`, "utf8").split(" ")[1];
  return Number(pages) * 4096;
}

const result = { clients: Number(clients), requests: 0, errors: 0, different: 0, tokens: 0 };
const bodies = Array.from({ length: result.clients }, (_, client) => body_of(client));
const alone = [];
for (const body of bodies) alone.push((await ask(body)).text);

const firsts = [];
const sizes = [];
const begin = performance.now();
const end = begin + 1000 * Number(seconds);
const watch = setInterval(() => sizes.push(resident_bytes()), 1000);
await Promise.all(
  bodies.map(async (body, client) => {
    while (performance.now() < end) {
      try {
        const answer = await ask(body);
        ++result.requests;
        result.tokens += answer.tokens;
        if (answer.first) firsts.push(answer.first);
        if (answer.text !== alone[client] && ++result.different < 4) {
          console.error(`client ${client}: "${answer.text}" is not "${alone[client]}"`);
        }
      } catch (error) {
        if (++result.errors < 4) console.error(`client ${client}: ${error.message}`);
      }
    }
  }),
);
clearInterval(watch);
agent.destroy();
const passed = (performance.now() - begin) / 1000;
firsts.sort((a, b) => a - b);
const share = (part) => Math.round(firsts[Math.min(firsts.length - 1, Math.floor(part * firsts.length))] ?? 0);
result.seconds = Math.round(passed);
result.tokens_per_second = Math.round(result.tokens / passed);
result.first_text_ms = { median: share(0.5), p99: share(0.99) };
// Behind the first fifth, in which caches fill.
const settled = sizes.slice(Math.floor(sizes.length / 5));
result.resident_mib = { settled: Math.round(settled[0] / 2 ** 20), end: Math.round(settled.at(-1) / 2 ** 20) };
console.log(JSON.stringify(result));
process.exit(result.errors || result.different ? 1 : 0);
