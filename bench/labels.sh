#!/usr/bin/env bash
# Labels 2,000 drawn pictures with what they show, under a schema, by owlet; is killed in the middle
# and resumed. Prints the share of right names, and whether the rows are those of one whole run.
# Usage: bench/labels.sh [train|test]
#   train    new pictures of things on grounds and at places that owlet's training had (the default)
#   test     of combinations that it never had
# Environment: OWL3, OWL3_DRAW, the programs (build/release/owl3, owl3-draw); needs jq.
set -euo pipefail
cd "$(dirname "$0")/.."

split=${1:-train}
owl3=$(realpath "${OWL3:-build/release/owl3}")
draw=$(realpath "${OWL3_DRAW:-build/release/owl3-draw}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$draw" make-data "$work/data" --kind stage1=24000 --pictures 12000 --seed 77 --split "$split" --loose > "$work/draw.log"
cd "$work"

# One thing by its name: not several, no words, no numbers.
jq -c 'select(.tasks == ["name"])
  | . as $row | .messages[1].content | capture(" (?<thing>an? .*)\\.$")
  | select(.thing | test(" and ") | not)
  | {image: ("data/" + $row.images[0]), name: $row.answers[0], label: "The image shows \(.thing)."}' \
  data/stage1.jsonl | jq -cs 'unique_by(.image) | .[:2000] | .[]' > truth.jsonl
jq -s '{type: "object", required: ["label"], additionalProperties: false,
        properties: {label: {enum: ([.[].label] | unique)}}}' truth.jsonl > schema.json
jq -c '{image}' truth.jsonl > pictures.jsonl
echo "$(wc -l < pictures.jsonl) pictures, $(jq '.properties.label.enum | length' schema.json) names"

label=("$owl3" batch owlet --input pictures.jsonl --greedy -p 'What is in the image?'
  --schema schema.json)
"${label[@]}" -o whole.jsonl

"${label[@]}" -o labels.jsonl 2> /dev/null &
until [ "$(cat labels.jsonl 2> /dev/null | wc -l)" -ge 1000 ]; do sleep 0.05; done
kill -9 $!
wait $! 2> /dev/null || true
echo "killed after $(wc -l < labels.jsonl) rows"
"${label[@]}" -o labels.jsonl --resume
cmp whole.jsonl labels.jsonl && echo "resumed: the rows of one whole run"

jq -rn --slurpfile rows labels.jsonl --slurpfile truth truth.jsonl '
  [$rows, $truth] | transpose | map(select(.[0].answer.label == .[1].label)) | length
  | "right names: \(.) of \($truth | length), \(1000 * . / ($truth | length) | round / 10) %"'
