#include "generate/presets.h"

#include "core/api_call.h"
#include "core/error.h"

namespace owl3 {

namespace {

GenerationOptions greedy_preset() {
  GenerationOptions options;
  options.do_sample = false;
  options.repetition_penalty = 1.0;
  return options;
}

GenerationOptions beam_preset() {
  GenerationOptions options;
  options.do_sample = false;
  options.num_beams = 3;
  options.repetition_penalty = 1.2;
  return options;
}

// The official evaluation samples with top-k 1, which is greedy.
GenerationOptions eval_preset() {
  GenerationOptions options = greedy_preset();
  options.top_k = 1;
  options.max_new_tokens = 100;
  return options;
}

GenerationOptions preset_called(const std::string& name) {
  if (name == "sample") return GenerationOptions{};
  if (name == "beam") return beam_preset();
  if (name == "eval") return eval_preset();
  if (name == "greedy") return greedy_preset();
  throw UsageError(
      fmt::format("no preset is called \"{}\": choose sample, beam, eval or greedy", name));
}

template <typename T>
void overlay(T& option, const std::optional<T>& stated) {
  if (stated) option = *stated;
}

}  // namespace

GenerationOptions generation_preset(const std::string& name) {
  return api_call([&] { return preset_called(name); });
}

GenerationOptions generation_preset(const std::string& name, const GenerationConfig& config) {
  GenerationOptions options = generation_preset(name);
  if (options.repetition_penalty == 1) {
    overlay(options.repetition_penalty, config.repetition_penalty);
  }
  return options;
}

GenerationOptions with_checkpoint_defaults(GenerationOptions options,
                                           const GenerationConfig& config) {
  overlay(options.do_sample, config.do_sample);
  overlay(options.top_k, config.top_k);
  overlay(options.repetition_penalty, config.repetition_penalty);
  overlay(options.max_new_tokens, config.max_new_tokens);
  overlay(options.num_beams, config.num_beams);
  if (config.temperature == 0.0) {
    options.do_sample = false;
  } else {
    overlay(options.temperature, config.temperature);
  }
  if (config.top_p == 0.0) {
    options.top_k = 1;
  } else {
    overlay(options.top_p, config.top_p);
  }
  if (options.num_beams > 1) options.do_sample = false;
  return options;
}

}  // namespace owl3
