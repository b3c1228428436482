#include "cli/batch/batch_run.h"

#include <fmt/format.h>

#include "backend/make_backend.h"
#include "builtin/builtin_model.h"

namespace owl3::cli {

namespace {

using Json = nlohmann::ordered_json;

template <typename T>
void add_given(Json& json, const char* name, const std::optional<T>& value) {
  if (value) json[name] = *value;
}

Json form_json(const std::optional<AnswerForm>& form) {
  if (!form) return nullptr;
  return {{"schema", form->schema},
          {"choices", form->choices},
          {"regex", form->regex},
          {"json", form->json}};
}

Json reading_json(const ImageOptions& image, const VideoOptions& video) {
  Json json = {{"exif", image.apply_exif_orientation},
               {"max_pixels", image.max_pixels},
               {"fps", video.fps},
               {"max_frames", video.max_frames},
               {"start", video.start_seconds},
               {"end", video.end_seconds},
               {"official_sampling", video.sampling == FrameSampling::kOfficial}};
  add_given(json, "cut", image.cut);
  if (image.background) {
    json["background"] = fmt::format("#{:02x}{:02x}{:02x}", image.background->red,
                                     image.background->green, image.background->blue);
  }
  return json;
}

/// What else the model computes with; not how many threads, or with how much of a device's memory.
Json model_json(const BatchArguments& arguments) {
  const ModelOptions& options = arguments.model_options;
  Json json = {{"name", arguments.model.empty() ? builtin_model()->name : arguments.model},
               {"float32", options.precision == Precision::kFloat32},
               {"vision_int8", options.vision_int8},
               {"visual_memory_int8", options.visual_memory_int8}};
  if (options.precision == Precision::kExpanded) json["expanded"] = true;
  if (!is_cpu_device(options.device)) {
    json["device"] = options.device.substr(0, options.device.find(','));
  }
  for (const LoraOptions& lora : options.lora) {
    json["lora"].push_back({lora.folder.string(), lora.scale});
  }
  return json;
}

std::string shard_text(const Shard& shard) {
  return fmt::format("{}/{}", shard.number, shard.of);
}

}  // namespace

Json generation_json(const GenerationChoices& choices) {
  Json json = Json::object();
  if (!choices.preset.empty()) json["preset"] = choices.preset;
  if (choices.greedy) json["greedy"] = true;
  add_given(json, "temperature", choices.temperature);
  add_given(json, "top_k", choices.top_k);
  add_given(json, "top_p", choices.top_p);
  add_given(json, "min_p", choices.min_p);
  add_given(json, "repetition_penalty", choices.repetition_penalty);
  add_given(json, "seed", choices.seed);
  add_given(json, "max_new_tokens", choices.max_new_tokens);
  add_given(json, "num_beams", choices.num_beams);
  if (!choices.stop.empty()) json["stop"] = choices.stop;
  add_given(json, "logprobs", choices.logprobs);
  if (choices.choice_probs) json["choice_probs"] = true;
  return json;
}

Json run_json(const BatchArguments& arguments, const BatchInput& input) {
  Json run = {{"model", model_json(arguments)},
              {"questions", arguments.prompts},
              {"system", arguments.chat.system},
              {"form", form_json(arguments.generation.form)},
              {"generation", generation_json(arguments.generation)},
              {"reading", reading_json(arguments.image, arguments.video)}};
  if (arguments.segment_seconds > 0) run["segments"] = arguments.segment_seconds;
  // Subtitles can be made of the rows at any time; what is beside pictures is made with their rows.
  if (arguments.side_format()) run["side"] = arguments.side;
  run.update({{"items", input.size()},
              {"checksum", input.checksum()},
              {"format", arguments.output_format() == BatchFormat::kCsv ? "csv" : "jsonl"},
              {"shard", shard_text(arguments.shard)}});
  return run;
}

Json run_json(const BatchArguments& arguments, const RequestLines& requests) {
  return {{"model", model_json(arguments)},
          // Which names and addresses are allowed may change: it lets more or fewer be answered.
          {"requests", true},
          {"questions", Json::array()},
          {"reading", reading_json(arguments.image, arguments.video)},
          {"items", requests.size()},
          {"checksum", requests.checksum()},
          {"format", "jsonl"},
          {"shard", shard_text(arguments.shard)}};
}

}  // namespace owl3::cli
