// Reads lines {"schema", "answers": [text]} and prints a line for each answer that ajv, an
// independent validator, does not find valid: {"schema", "answer", "why"}; at the end how many
// answers there were.
import { createInterface } from "node:readline";
import { createReadStream } from "node:fs";
import Ajv2020 from "ajv/dist/2020.js";
import Ajv from "ajv";
import addFormats from "ajv-formats";

const options = {
  strict: false,
  allErrors: false,
  logger: false,
  validateSchema: false,
  multipleOfPrecision: 9,
  addUsedSchema: false,
};

// Draft 4 says true or false where later ones say a number, and "id" for "$id".
function modernised(schema) {
  if (Array.isArray(schema)) return schema.map(modernised);
  if (schema === null || typeof schema !== "object") return schema;
  const result = {};
  for (const [key, value] of Object.entries(schema)) {
    if (key === "id" || key === "$schema") {
      if (typeof value === "string") continue;
    }
    result[key] = key === "enum" || key === "const" ? value : modernised(value);
  }
  for (const [limit, exclusive] of [
    ["minimum", "exclusiveMinimum"],
    ["maximum", "exclusiveMaximum"],
  ]) {
    if (typeof result[exclusive] !== "boolean") continue;
    if (result[exclusive] && typeof result[limit] === "number") {
      result[exclusive] = result[limit];
      delete result[limit];
    } else {
      delete result[exclusive];
    }
  }
  return result;
}

function validator(schema) {
  const draft = schema && typeof schema === "object" ? String(schema.$schema ?? "") : "";
  const modern = /draft\/20/.test(draft);
  const listed = JSON.stringify(schema).includes('"items":[');
  const ajv = listed && !modern ? new Ajv(options) : new Ajv2020(options);
  if (!modern) addFormats(ajv);
  return ajv.compile(modernised(schema));
}

let answers = 0;
let unread = 0;
for await (const line of createInterface({ input: createReadStream(process.argv[2]) })) {
  const row = JSON.parse(line);
  let valid;
  try {
    valid = validator(row.schema);
  } catch {
    unread += 1;
    continue;
  }
  for (const answer of row.answers) {
    answers += 1;
    if (valid(JSON.parse(answer))) continue;
    const why = valid.errors?.[0];
    console.log(JSON.stringify({ schema: row.schema, answer, why: why?.schemaPath }));
  }
}
console.log(JSON.stringify({ answers, unread }));
