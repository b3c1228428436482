// Prints what the npm package @huggingface/gguf reads of a local GGUF file, as JSON: metadata
// (numbers and short values whole, arrays by length, first and last), tensors with their places.
import { GGMLQuantizationType, gguf } from "@huggingface/gguf";

const { metadata, tensorInfos, tensorDataOffset, parameterCount } = await gguf(process.argv[2], {
  allowLocalFile: true,
  computeParametersCount: true,
});

const shown = (value) =>
  Array.isArray(value) && value.length > 16
    ? { length: value.length, first: value[0], last: value[value.length - 1] }
    : value;

console.log(
  JSON.stringify(
    {
      metadata: Object.fromEntries(Object.entries(metadata).map(([key, v]) => [key, shown(v)])),
      texts: Object.fromEntries(
        Object.entries(metadata)
          .filter(([key]) => key.startsWith("owl3."))
          .map(([key, pieces]) => [key, pieces.join("")]),
      ),
      tensors: tensorInfos.map(({ name, shape, dtype, offset }) => ({
        name,
        shape,
        type: GGMLQuantizationType[dtype],
        begin: tensorDataOffset + offset,
      })),
      parameterCount,
    },
    (_, value) => (typeof value === "bigint" ? Number(value) : value),
  ),
);
